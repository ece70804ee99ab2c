#include "core/duration.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace gracedb {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

// 2026-11-22T03:04:05Z
constexpr system_clock::time_point now{1'795'316'645s};

TEST(Durations, AreParsedWithTheirUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("2min"), 2min);
  EXPECT_EQ(parse_duration("3h"), 3h);
  EXPECT_EQ(parse_duration("7d"), std::chrono::days(7));
}

TEST(Durations, AreSecondsWithoutAUnit) { EXPECT_EQ(parse_duration("90"), 90s); }

TEST(Durations, AreRejectedIfMalformedWithTheText) {
  for (const std::string text :
       {"", "s", "-1s", "1x", "1 s", "1e9s", "nan", "inf", "1s2", "99999999999999d", "0x1s"}) {
    try {
      parse_duration(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find('"' + text + '"'), std::string::npos) << error.what();
    }
  }
}

TEST(Times, AreParsedAsRfc3339) {
  EXPECT_EQ(parse_time("2026-11-22T03:04:05Z", {}), now);
  EXPECT_EQ(parse_time("2026-11-22 03:04:05", {}), now);
  EXPECT_EQ(parse_time("2026-11-22T04:04:05+01:00", {}), now);
  EXPECT_EQ(parse_time("2026-11-21T22:04:05-0500", {}), now);
  EXPECT_EQ(parse_time("2026-11-22T03:04:05.25Z", {}), now + 250ms);
  EXPECT_EQ(parse_time("2026-11-22T03:04Z", {}), now - 5s);
  EXPECT_EQ(parse_time("2026-11-22", {}), now - 3h - 4min - 5s);
}

TEST(Times, AreParsedAsUnixSeconds) {
  EXPECT_EQ(parse_time("1795316645", {}), now);
  EXPECT_EQ(parse_time("1795316645.5", {}), now + 500ms);
}

TEST(Times, AreParsedAsADurationBeforeNow) {
  EXPECT_EQ(parse_time("10m", now), now - 10min);
  EXPECT_EQ(parse_time("1.5h", now), now - 90min);
}

TEST(Times, AreRejectedIfMalformed) {
  for (const char* text : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-11-22T25:00:00Z",
                           "2026-11-22T03:04:05X", "2026-11-22T03:04:05+25:00", "2026-11-22T03:04:05.Z",
                           "2026-11-22T", "1795316645000", "-5", "2026-1-1"}) {
    EXPECT_THROW(parse_time(text, now), std::invalid_argument) << text;
  }
}

TEST(Durations, AreFormattedWithAFittingUnit) {
  EXPECT_EQ(format_duration(42us), "42 us");
  EXPECT_EQ(format_duration(3120us), "3.12 ms");
  EXPECT_EQ(format_duration(12'345us), "12.3 ms");
  EXPECT_EQ(format_duration(123'456us), "123 ms");
  EXPECT_EQ(format_duration(1'240ms), "1.24 s");
  EXPECT_EQ(format_duration(59s), "59.0 s");
  EXPECT_EQ(format_duration(125s), "2 min 5 s");
  EXPECT_EQ(format_duration(3h + 59min), "3 h 59 min");
  EXPECT_EQ(format_duration(std::chrono::days(12) + 4h), "12 d 4 h");
  EXPECT_EQ(format_duration(-90s), "-1 min 30 s");
}

TEST(Durations, UseTheNextUnitIfTheyRoundUpToIt) {
  EXPECT_EQ(format_duration(999'700ns), "1.00 ms");
  EXPECT_EQ(format_duration(999'700us), "1.00 s");
  EXPECT_EQ(format_duration(59'990ms), "1 min 0 s");
}

TEST(Timestamps, AreFormattedForPeopleAndPrograms) {
  EXPECT_EQ(format_timestamp(now + 7ms), "2026-11-22 03:04:05.007 UTC");
  EXPECT_EQ(format_rfc3339(now + 7ms), "2026-11-22T03:04:05.007Z");
}

TEST(FormatUtc, IgnoresTheLocalTimeZone) {
  ::setenv("TZ", "America/Los_Angeles", 1);
  EXPECT_EQ(format_utc(system_clock::time_point(std::chrono::seconds(1'795'316'645))),
            "2026-11-22 03:04:05 UTC");
  ::unsetenv("TZ");
}

TEST(FormatUtc, CutsFractionsOfASecond) {
  EXPECT_EQ(format_utc(system_clock::time_point(std::chrono::milliseconds(1'999))),
            "1970-01-01 00:00:01 UTC");
}

TEST(SignedDuration, MayBeNegative) {
  EXPECT_EQ(parse_signed_duration("-60s"), -60s);
  EXPECT_EQ(parse_signed_duration("250ms"), 250ms);
  EXPECT_THROW(parse_signed_duration("--1s"), std::invalid_argument);
}

}  // namespace
}  // namespace gracedb
