#pragma once

#include <string>
#include <string_view>

namespace gracedb {

/// `text` with everything that looks like a JWT replaced by "[token]".
std::string redact(std::string_view text);

}  // namespace gracedb
