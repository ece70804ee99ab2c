#include "core/clock.hpp"

#include <fmt/chrono.h>

namespace gracedb {

std::string format_utc(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace gracedb
