#include "supervisor/outage.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace gracedb::supervisor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds patience{2'000};
const Outage::TimePoint start{std::chrono::hours(1)};

TEST(Outage, IsNotSpokenOfForSingleFailures) {
  Outage outage(patience);
  EXPECT_FALSE(outage.failed(start));
  EXPECT_EQ(outage.answered(start + milliseconds(1'999)), std::nullopt);
  EXPECT_FALSE(outage.failed(start + milliseconds(2'500)));
}

TEST(Outage, IsSpokenOfOnceWhenNothingButFailuresCame) {
  Outage outage(patience);
  outage.failed(start);
  EXPECT_FALSE(outage.failed(start + milliseconds(1'999)));
  EXPECT_TRUE(outage.failed(start + milliseconds(2'000)));
  EXPECT_FALSE(outage.failed(start + milliseconds(9'000)));
}

TEST(Outage, TellsHowLongItLasted) {
  Outage outage(patience);
  outage.failed(start);
  outage.failed(start + milliseconds(3'000));
  EXPECT_EQ(outage.answered(start + milliseconds(5'000)), milliseconds(5'000));
  EXPECT_EQ(outage.answered(start + milliseconds(5'001)), std::nullopt);
}

}  // namespace
}  // namespace gracedb::supervisor
