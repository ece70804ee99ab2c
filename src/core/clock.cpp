#include "core/clock.hpp"

#include <fmt/chrono.h>

#include <algorithm>

namespace gracedb {

std::string format_utc(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline) noexcept {
  using std::chrono::milliseconds;
  return std::max(milliseconds(0),
                  std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()));
}

}  // namespace gracedb
