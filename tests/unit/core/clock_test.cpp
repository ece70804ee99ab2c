#include "core/clock.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gracedb {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using TimePoint = std::chrono::system_clock::time_point;

TEST(Clock, FormatsATimeInUtcWhateverTheLocalZone) {
  ::setenv("TZ", "America/Los_Angeles", 1);
  EXPECT_EQ(format_utc(TimePoint(seconds(1'795'316'645))), "2026-11-22 03:04:05 UTC");
  ::unsetenv("TZ");
}

TEST(Clock, CutsFractionsOfASecond) {
  EXPECT_EQ(format_utc(TimePoint(milliseconds(1'999))), "1970-01-01 00:00:01 UTC");
}

}  // namespace
}  // namespace gracedb
