#pragma once

#include <string>
#include <string_view>

namespace gracedb {

/// The lines of a text as "first; second; third", without their indentation and full stops.
std::string on_one_line(std::string_view text);

/// Text from elsewhere as a person may be shown it: without tokens, on one line, and of 300 bytes at most,
/// cut between two characters.
std::string safe_line(std::string_view text);

}  // namespace gracedb
