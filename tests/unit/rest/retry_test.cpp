#include "fake_gracedb.hpp"
#include "rest/session.hpp"

#include <gtest/gtest.h>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point new_year{
    std::chrono::seconds(1767225600)};  // 2026-01-01 00:00:00 UTC

Response answer(int status, std::map<std::string, std::string> headers = {}) {
  return {.status = status, .reason = {}, .headers = std::move(headers), .body = {}};
}

TEST(RetryAfter, MayBeSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("7", new_year), 7s);
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 2026 00:00:30 GMT", new_year), 30s);
  EXPECT_EQ(parse_retry_after("Wed, 31 Dec 2025 00:00:00 GMT", new_year), 0s) << "a date that has passed";
}

TEST(RetryAfter, IsIgnoredIfMalformed) {
  for (const char* text : {"", "soon", "-1 s", "99999999999999999999"}) {
    EXPECT_EQ(parse_retry_after(text, new_year), std::nullopt) << text;
  }
}

TEST(RetrySchedule, RetriesTransientStatusesOnly) {
  for (const int status : {408, 409, 502, 504}) {
    EXPECT_TRUE(RetrySchedule({}).after_answer(answer(status))) << status;
  }
  for (const int status : {400, 401, 403, 404, 410, 413, 429, 500, 503}) {
    EXPECT_FALSE(RetrySchedule({}).after_answer(answer(status))) << status;
  }
}

TEST(RetrySchedule, RetriesAfter429And503WithRetryAfter) {
  for (const int status : {429, 503}) {
    const auto wait = RetrySchedule({}).after_answer(answer(status, {{"retry-after", "2"}}));
    ASSERT_TRUE(wait) << status;
    EXPECT_GE(*wait, 2s);
    EXPECT_LE(*wait, 2s + RetryPolicy{}.backoff);
  }
}

TEST(RetrySchedule, GivesUpIfRetryAfterIsTooLong) {
  EXPECT_FALSE(RetrySchedule({}).after_answer(answer(503, {{"retry-after", "3600"}})));
}

TEST(RetrySchedule, DoesNotRetryAConflictIfDisabled) {
  EXPECT_FALSE(RetrySchedule({.retry_conflict = false}).after_answer(answer(409)));
}

TEST(RetrySchedule, EndsAfterTheConfiguredNumberOfTries) {
  RetrySchedule schedule(test_support::quick_retries());
  EXPECT_TRUE(schedule.after_failure());
  EXPECT_TRUE(schedule.after_answer(answer(502)));
  EXPECT_TRUE(schedule.after_failure());
  EXPECT_FALSE(schedule.after_failure());
  EXPECT_EQ(schedule.tries(), 4);
}

TEST(RetrySchedule, EndsAfterTheTotalTime) {
  RetrySchedule schedule({.longest_total = std::chrono::milliseconds(-1)});
  EXPECT_FALSE(schedule.after_failure());
}

TEST(RetrySchedule, DoesNotRetryWithZeroTries) {
  EXPECT_FALSE(RetrySchedule({.tries = 0}).after_failure());
  EXPECT_FALSE(RetrySchedule({.tries = 0}).after_answer(answer(502)));
}

TEST(RetryAfter, DoesNotOverflowFarInTheFuture) {
  for (const char* date : {"Sat, 01 Jan 2400 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    const auto wait = parse_retry_after(date, new_year);
    ASSERT_TRUE(wait) << date;
    EXPECT_GT(*wait, std::chrono::hours(24)) << date;
    EXPECT_FALSE(RetrySchedule({}).after_answer(answer(503, {{"retry-after", date}}))) << date;
  }
  EXPECT_GT(parse_retry_after("4294967295", new_year), std::chrono::hours(24));
}

TEST(RetrySchedule, DoesNotOverflowWithUnboundedWaits) {
  constexpr auto unbounded = std::chrono::milliseconds::max();
  RetrySchedule schedule({.backoff = unbounded, .longest_wait = unbounded, .longest_total = unbounded});
  EXPECT_NO_FATAL_FAILURE(schedule.after_answer(answer(503, {{"retry-after", "9999999"}})));
}

}  // namespace
}  // namespace gracedb::rest
