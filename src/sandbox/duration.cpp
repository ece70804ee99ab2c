#include "sandbox/duration.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>

namespace gracedb::sandbox {
namespace {

double milliseconds_in(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit.empty() || unit == "s") return 1e3;
  if (unit == "m" || unit == "min") return 60e3;
  if (unit == "h") return 3600e3;
  if (unit == "d") return 86400e3;
  return 0;
}

}  // namespace

std::chrono::milliseconds parse_duration(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  const double unit = milliseconds_in(std::string_view(stop, static_cast<std::size_t>(end - stop)));
  constexpr double longest = 1e15;
  if (error != std::errc() || unit == 0 || !(std::abs(value * unit) < longest)) {
    throw std::invalid_argument("'" + std::string(text) +
                                "' is not a duration; give one like 250ms, 30s, 10m or 1h");
  }
  return std::chrono::milliseconds(std::llround(value * unit));
}

}  // namespace gracedb::sandbox
