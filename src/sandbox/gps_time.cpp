#include "sandbox/gps_time.hpp"

#include <algorithm>
#include <array>

namespace gracedb::sandbox {
namespace {

constexpr std::int64_t gps_epoch = 315964800;  // 1980-01-06 00:00:00 UTC in Unix seconds

// Unix time of each leap second since the GPS epoch.
constexpr std::array<std::int64_t, 18> leap_seconds = {
    362793600, 394329600, 425865600, 489024000, 567993600,  631152000,  662688000,  709948800,  741484800,
    773020800, 820454400, 867715200, 915148800, 1136073600, 1230768000, 1341100800, 1435708800, 1483228800};

}  // namespace

double to_gps(TimePoint utc) {
  const auto since_epoch = utc.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto leaps = std::upper_bound(leap_seconds.begin(), leap_seconds.end(), seconds.count());
  const auto whole = seconds.count() - gps_epoch + (leaps - leap_seconds.begin());
  return static_cast<double>(whole) + std::chrono::duration<double>(since_epoch - seconds).count();
}

}  // namespace gracedb::sandbox
