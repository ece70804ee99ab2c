#include "rest/retry.hpp"

#include "fake_gracedb.hpp"

#include <gtest/gtest.h>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point new_year{
    std::chrono::seconds(1767225600)};  // 2026-01-01 00:00:00 UTC

Response answer(int status, std::map<std::string, std::string> headers = {}) {
  return {.status = status, .reason = {}, .headers = std::move(headers), .body = {}};
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("7", new_year), 7s);
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 2026 00:00:30 GMT", new_year), 30s);
  EXPECT_EQ(parse_retry_after("Wed, 31 Dec 2025 00:00:00 GMT", new_year), 0s) << "a date that has passed";
}

TEST(RetryAfter, IsIgnoredWhereItMakesNoSense) {
  for (const char* text : {"", "soon", "-1 s", "99999999999999999999"}) {
    EXPECT_EQ(parse_retry_after(text, new_year), std::nullopt) << text;
  }
}

TEST(RetrySchedule, TriesAgainAfterPassingFailuresOnly) {
  for (const int status : {408, 409, 502, 504}) {
    EXPECT_TRUE(RetrySchedule({}).after_answer(answer(status))) << status;
  }
  for (const int status : {400, 401, 403, 404, 410, 413, 429, 500, 503}) {
    EXPECT_FALSE(RetrySchedule({}).after_answer(answer(status))) << status;
  }
}

TEST(RetrySchedule, TriesAgainWhereTheServerSaysWhen) {
  for (const int status : {429, 503}) {
    const auto wait = RetrySchedule({}).after_answer(answer(status, {{"retry-after", "2"}}));
    ASSERT_TRUE(wait) << status;
    EXPECT_GE(*wait, 2s);
    EXPECT_LE(*wait, 2s + RetryPolicy{}.backoff);
  }
}

TEST(RetrySchedule, GivesUpWhenTheServerAsksForTooLongAWait) {
  EXPECT_FALSE(RetrySchedule({}).after_answer(answer(503, {{"retry-after", "3600"}})));
}

TEST(RetrySchedule, LeavesAConflictWhereToldSo) {
  EXPECT_FALSE(RetrySchedule({.retry_conflict = false}).after_answer(answer(409)));
}

TEST(RetrySchedule, EndsAfterTheNumberOfTries) {
  RetrySchedule schedule(test_support::quick_retries());
  EXPECT_TRUE(schedule.after_failure());
  EXPECT_TRUE(schedule.after_answer(answer(502)));
  EXPECT_TRUE(schedule.after_failure());
  EXPECT_FALSE(schedule.after_failure());
  EXPECT_EQ(schedule.tries(), 4);
}

TEST(RetrySchedule, EndsWhenTheTotalTimeIsUsedUp) {
  RetrySchedule schedule({.longest_total = std::chrono::milliseconds(-1)});
  EXPECT_FALSE(schedule.after_failure());
}

TEST(RetrySchedule, NeverTriesAgainWithZeroTries) {
  EXPECT_FALSE(RetrySchedule({.tries = 0}).after_failure());
  EXPECT_FALSE(RetrySchedule({.tries = 0}).after_answer(answer(502)));
}

}  // namespace
}  // namespace gracedb::rest
