#include "core/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace gracedb {
namespace {

using std::chrono::milliseconds;

std::vector<milliseconds> first_waits(Backoff& backoff, std::size_t count) {
  std::vector<milliseconds> waits(count);
  std::generate(waits.begin(), waits.end(), [&] { return backoff.next(); });
  return waits;
}

/// The longest of the n-th waits of many clients.
milliseconds longest_of_many(std::size_t nth) {
  milliseconds longest{0};
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    Backoff backoff(milliseconds(100), milliseconds(1000), seed);
    longest = std::max(longest, first_waits(backoff, nth).back());
  }
  return longest;
}

TEST(Backoff, StaysBelowACeilingThatDoublesUpToTheLongest) {
  EXPECT_LE(longest_of_many(1), milliseconds(100));
  EXPECT_LE(longest_of_many(2), milliseconds(200));
  EXPECT_LE(longest_of_many(3), milliseconds(400));
  EXPECT_LE(longest_of_many(9), milliseconds(1000));
}

TEST(Backoff, UsesTheWholeRangeUpToTheCeiling) {
  EXPECT_GT(longest_of_many(1), milliseconds(80));
  EXPECT_GT(longest_of_many(2), milliseconds(160));
  EXPECT_GT(longest_of_many(9), milliseconds(800));
}

TEST(Backoff, SpreadsClientsThatStartTogether) {
  std::vector<milliseconds> waits;
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    Backoff backoff(milliseconds(10'000), milliseconds(60'000), seed);
    waits.push_back(first_waits(backoff, 2).back());
  }
  std::sort(waits.begin(), waits.end());
  const auto different = std::unique(waits.begin(), waits.end()) - waits.begin();
  EXPECT_GT(different, 90);
  EXPECT_LT(waits.front(), milliseconds(2'000));
}

TEST(Backoff, StartsAgainAtTheInitialCeilingAfterReset) {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    Backoff backoff(milliseconds(10), milliseconds(100'000), seed);
    first_waits(backoff, 12);
    backoff.reset();
    EXPECT_LE(backoff.next(), milliseconds(10));
  }
}

TEST(Backoff, LimitsTheInitialWaitToTheLongest) {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    Backoff backoff(milliseconds(5'000), milliseconds(50), seed);
    for (const milliseconds wait : first_waits(backoff, 5)) {
      EXPECT_LE(wait, milliseconds(50));
    }
  }
}

TEST(Backoff, DoesNotOverflowWithAnUnboundedLongest) {
  Backoff backoff(milliseconds(1), milliseconds::max(), 1);
  for (const milliseconds wait : first_waits(backoff, 200)) {
    EXPECT_GE(wait, milliseconds(0));
  }
}

}  // namespace
}  // namespace gracedb
