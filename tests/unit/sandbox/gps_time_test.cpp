#include "sandbox/gps_time.hpp"

#include <gtest/gtest.h>

namespace gracedb::sandbox {
namespace {

TimePoint utc(std::int64_t unix_seconds) { return TimePoint(std::chrono::seconds(unix_seconds)); }

TEST(GpsTime, BeginsIn1980) { EXPECT_EQ(to_gps(utc(315964800)), 0); }

TEST(GpsTime, IsAheadOfUtcByTheLeapSeconds) {
  // GW150914 at 09:50:45 UTC, with 17 leap seconds; GW170817 at 12:41:04 UTC, with 18.
  EXPECT_EQ(to_gps(utc(1442224245)), 1126259462);
  EXPECT_EQ(to_gps(utc(1502973664)), 1187008882);
}

TEST(GpsTime, StepsAtALeapSecond) {
  const std::int64_t midnight = 1483228800;  // 2017-01-01
  EXPECT_EQ(to_gps(utc(midnight)) - to_gps(utc(midnight - 1)), 2);
}

TEST(GpsTime, KeepsFractions) {
  EXPECT_DOUBLE_EQ(to_gps(utc(1502973664) + std::chrono::microseconds(250000)), 1187008882.25);
}

}  // namespace
}  // namespace gracedb::sandbox
