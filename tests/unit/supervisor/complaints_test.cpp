#include "supervisor/complaints.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace gracedb::supervisor {
namespace {

using std::chrono::seconds;

const Complaints::TimePoint start{std::chrono::hours(1)};

TEST(Complaints, AreMadeOnceAndAgainAfterAWhile) {
  Complaints complaints(seconds(30));
  EXPECT_TRUE(complaints.is_due("disk full", start));
  EXPECT_FALSE(complaints.is_due("disk full", start + seconds(29)));
  EXPECT_TRUE(complaints.is_due("disk full", start + seconds(30)));
  EXPECT_FALSE(complaints.is_due("disk full", start + seconds(31)));
}

TEST(Complaints, AreMadeOfEachFaultAlsoWhereTwoTakeTurns) {
  Complaints complaints(seconds(30));
  EXPECT_TRUE(complaints.is_due("disk full", start));
  EXPECT_TRUE(complaints.is_due("no broker", start));
  EXPECT_FALSE(complaints.is_due("disk full", start + seconds(1)));
  EXPECT_FALSE(complaints.is_due("no broker", start + seconds(1)));
}

}  // namespace
}  // namespace gracedb::supervisor
