#include "sandbox/conventions.hpp"

#include <gtest/gtest.h>

namespace gracedb::sandbox {
namespace {

TimePoint utc(std::int64_t unix_seconds) { return TimePoint(std::chrono::seconds(unix_seconds)); }

TEST(GpsTime, StartsIn1980) { EXPECT_EQ(to_gps(utc(315964800)), 0); }

TEST(GpsTime, IncludesLeapSeconds) {
  // GW150914 at 09:50:45 UTC, with 17 leap seconds; GW170817 at 12:41:04 UTC, with 18.
  EXPECT_EQ(to_gps(utc(1442224245)), 1126259462);
  EXPECT_EQ(to_gps(utc(1502973664)), 1187008882);
}

TEST(GpsTime, AdvancesByTwoAtALeapSecond) {
  const std::int64_t midnight = 1483228800;  // 2017-01-01
  EXPECT_EQ(to_gps(utc(midnight)) - to_gps(utc(midnight - 1)), 2);
}

TEST(GpsTime, KeepsFractions) {
  EXPECT_DOUBLE_EQ(to_gps(utc(1502973664) + std::chrono::microseconds(250000)), 1187008882.25);
}

TEST(GraceidPrefix, UsesTheFirstMatchingRule) {
  EXPECT_EQ(graceid_prefix("Test", "HardwareInjection", "MDC"), 'T');
  EXPECT_EQ(graceid_prefix("CBC", "HardwareInjection", "MDC"), 'M');
  EXPECT_EQ(graceid_prefix("Detchar", "HardwareInjection", {}), 'H');
  EXPECT_EQ(graceid_prefix("Detchar", "gstlal", {}), 'D');
  EXPECT_EQ(graceid_prefix("External", "Fermi", "GRB"), 'E');
  EXPECT_EQ(graceid_prefix("CBC", "gstlal", "AllSky"), 'G');
}

TEST(Graceid, HasAtLeastFourDigits) {
  EXPECT_EQ(format_graceid('T', 7), "T0007");
  EXPECT_EQ(format_graceid('G', 123456), "G123456");
}

TEST(EventId, ParsesAGraceid) {
  const auto id = parse_event_id("T0007");
  ASSERT_TRUE(id);
  const auto graceid = std::get<Graceid>(*id);
  EXPECT_EQ(graceid.prefix, 'T');
  EXPECT_EQ(graceid.number, 7);
}

TEST(EventId, PrefixGMatchesAnyPrefix) {
  const auto graceid = std::get<Graceid>(*parse_event_id("G12"));
  EXPECT_TRUE(graceid.matches('T'));
  EXPECT_TRUE(graceid.matches('G'));
  EXPECT_FALSE(std::get<Graceid>(*parse_event_id("T12")).matches('M'));
}

TEST(EventId, ParsesAContentIdInAnyCase) {
  const auto id = parse_event_id("DF4DB7A5-d336-21bf-7328-de505fd9861c");
  ASSERT_TRUE(id);
  EXPECT_EQ(std::get<ContentId>(*id), "df4db7a5-d336-21bf-7328-de505fd9861c");
}

TEST(EventId, RejectsOtherText) {
  for (const char* text : {"", "T", "T12x", "X12", "T-1", "S190521r", "df4db7a5-d336-21bf-7328-de505fd9861",
                           "df4db7a5xd336-21bf-7328-de505fd9861c", "T99999999999999999999"}) {
    EXPECT_FALSE(parse_event_id(text)) << text;
  }
}

}  // namespace
}  // namespace gracedb::sandbox
