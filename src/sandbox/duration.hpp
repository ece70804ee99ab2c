#pragma once

#include <chrono>
#include <string_view>

namespace gracedb::sandbox {

/// Reads "250ms", "1.5s", "10m", "2h", "-60s"; a bare number is seconds.
/// @throws std::invalid_argument
std::chrono::milliseconds parse_duration(std::string_view text);

}  // namespace gracedb::sandbox
