#pragma once

#include <string>
#include <string_view>

namespace gracedb {

/// Replaces everything in `text` that looks like a JWT with "[token]".
std::string redact(std::string_view text);

}  // namespace gracedb
