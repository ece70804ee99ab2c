#pragma once

#include <string>
#include <string_view>

namespace gracedb {

/// Text from elsewhere as a person may be shown it: without tokens, on one line, and of 300 bytes at most,
/// cut between two characters.
std::string safe_line(std::string_view text);

}  // namespace gracedb
