#include "common/log_setup.hpp"

#include "common/exit_code.hpp"
#include "core/log.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::programs {
namespace {

TEST(LogSetup, KnowsItsWords) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("off"), LogLevel::off);
  EXPECT_EQ(parse_log_format("json"), LogFormat::json);
  EXPECT_THROW(parse_log_level("loud"), UsageError);
  EXPECT_THROW(parse_log_format("xml"), UsageError);
}

TEST(LogSetup, WritesOneJsonObjectALine) {
  testing::internal::CaptureStderr();
  set_up_log(LogLevel::info, LogFormat::json);
  log::write(LogLevel::info, "gracedb.kafka", std::string_view("two\nlines \"quoted\""));
  log::write(LogLevel::debug, "gracedb.kafka", std::string_view("below the level"));
  set_up_log(LogLevel::warning, LogFormat::text);
  const std::string text = testing::internal::GetCapturedStderr();
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line.at("level"), "info");
  EXPECT_EQ(line.at("logger"), "gracedb.kafka");
  EXPECT_EQ(line.at("message"), "two\nlines \"quoted\"");
  EXPECT_EQ(line.at("time").get<std::string>().back(), 'Z');
}

}  // namespace
}  // namespace gracedb::programs
