#include "core/log.hpp"

#include "support/captured_log.hpp"
#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace gracedb {
namespace {

using test_support::CapturedLog;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr log::Logger logger{"gracedb.test"};
const std::string token = test_support::fake_token({{"sub", "albert.einstein@ligo.org"}});

TEST(Log, PassesLevelLoggerAndTextToTheSink) {
  const CapturedLog captured;
  logger.warning("{} of {} delivered", 3, 4);
  ASSERT_EQ(captured.lines().size(), 1U);
  EXPECT_EQ(captured.lines()[0].level, LogLevel::warning);
  EXPECT_EQ(captured.lines()[0].logger, "gracedb.test");
  EXPECT_EQ(captured.lines()[0].message, "3 of 4 delivered");
}

TEST(Log, RedactsTokens) {
  const CapturedLog captured;
  logger.info("broker answered: invalid_token {}", token);
  EXPECT_THAT(captured.messages(LogLevel::info), ElementsAre("broker answered: invalid_token [token]"));
}

TEST(Log, DropsLinesBelowTheLevel) {
  const CapturedLog captured(LogLevel::warning);
  logger.debug("a");
  logger.info("b");
  logger.warning("c");
  logger.error("d");
  EXPECT_THAT(captured.messages(LogLevel::debug), IsEmpty());
  EXPECT_THAT(captured.messages(LogLevel::info), IsEmpty());
  EXPECT_THAT(captured.messages(LogLevel::warning), ElementsAre("c"));
  EXPECT_THAT(captured.messages(LogLevel::error), ElementsAre("d"));
}

TEST(Log, IsSilentWhenOff) {
  const CapturedLog captured(LogLevel::off);
  logger.error("lost");
  EXPECT_THAT(captured.lines(), IsEmpty());
}

TEST(Log, DropsInfoByDefault) {
  { const CapturedLog restores_the_default; }
  EXPECT_FALSE(log::enabled(LogLevel::info));
  EXPECT_TRUE(log::enabled(LogLevel::warning));
}

TEST(Log, WritesToStandardErrorWithoutASink) {
  ::testing::internal::CaptureStderr();
  logger.error("token {} refused", token);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("gracedb.test: token [token] refused\n"));
  EXPECT_THAT(text, HasSubstr("error"));
}

TEST(Log, WritesBracesLiterally) {
  ::testing::internal::CaptureStderr();
  logger.error("{}", R"({"error":"x"})");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr(R"({"error":"x"})"));
}

TEST(Log, IgnoresExceptionsOfASink) {
  set_log_sink([](LogLevel, std::string_view, std::string_view) { throw std::runtime_error("disk full"); });
  EXPECT_NO_THROW(logger.error("still running"));
  set_log_sink({});
}

TEST(Log, IsThreadSafeWhileTheSinkIsReplaced) {
  constexpr int lines_per_thread = 500;
  std::atomic<int> count{0};
  const auto counting = [&count](LogLevel, std::string_view, std::string_view) { ++count; };
  set_log_sink(counting);
  {
    std::vector<std::jthread> writers;
    writers.reserve(4);
    for (int thread = 0; thread < 4; ++thread) {
      writers.emplace_back([] {
        for (int i = 0; i < lines_per_thread; ++i) {
          logger.warning("line {}", i);
        }
      });
    }
    for (int i = 0; i < 100; ++i) {
      set_log_sink(counting);
    }
  }
  set_log_sink({});
  EXPECT_EQ(count, 4 * lines_per_thread);
}

}  // namespace
}  // namespace gracedb
