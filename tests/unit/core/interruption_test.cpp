#include "core/interruption.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace gracedb {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Stop : std::exception {};

[[noreturn]] void stop() { throw Stop(); }

TEST(Interruption, DoesNothingWithoutAnInterruptible) {
  EXPECT_FALSE(interruption::is_possible());
  EXPECT_NO_THROW(interruption::check());
  EXPECT_EQ(interruption::slice(milliseconds(5'000)), milliseconds(5'000));
}

TEST(Interruption, ThrowsTheExceptionOfTheCheck) {
  Interruptible interruptible(stop);
  EXPECT_THROW(interruption::check(), Stop);
}

TEST(Interruption, ShortensWaits) {
  Interruptible interruptible([] {});
  EXPECT_EQ(interruption::slice(milliseconds(5'000)), interruption::longest_wait);
  EXPECT_EQ(interruption::slice(milliseconds(7)), milliseconds(7));
}

TEST(Interruption, EndsASleepEarly) {
  Interruptible interruptible(stop);
  const auto start = steady_clock::now();
  EXPECT_THROW(interruption::sleep_for(std::chrono::hours(1)), Stop);
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(Interruption, LimitsHowOftenTheCheckRuns) {
  int runs = 0;
  Interruptible interruptible([&] { ++runs; });
  for (int i = 0; i < 1'000; ++i)
    interruption::check();
  EXPECT_LT(runs, 100);
  EXPECT_GE(runs, 1);
}

TEST(Interruption, AppliesToOneThreadOnly) {
  Interruptible interruptible(stop);
  bool possible_elsewhere = true;
  std::thread([&] { possible_elsewhere = interruption::is_possible(); }).join();
  EXPECT_FALSE(possible_elsewhere);
}

TEST(Interruption, RestoresTheOuterInterruptible) {
  Interruptible outer(stop);
  {
    Interruptible inner([] {});
    EXPECT_NO_THROW(interruption::check());
  }
  EXPECT_THROW(interruption::check(), Stop);
}

}  // namespace
}  // namespace gracedb
