#include "sandbox/duration.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;

TEST(Duration, HasAUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("-60s"), -60s);
}

TEST(Duration, IsInSecondsWithoutAUnit) { EXPECT_EQ(parse_duration("90"), 90s); }

TEST(Duration, IsRefusedWhenMalformed) {
  for (const char* text : {"", "fast", "10 s", "1e3", "5y", "s", "inf", "nan", "99999999999999999999d"}) {
    EXPECT_THROW(parse_duration(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace gracedb::sandbox
