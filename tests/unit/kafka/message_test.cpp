#include "gracedb/kafka/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <stdexcept>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

Message with_value(std::string value) {
  Message message;
  message.topic = "gracedb.test";
  message.offset = 7;
  message.value = std::move(value);
  return message;
}

TEST(MessageValue, IsJsonIfItParses) {
  EXPECT_EQ(std::get<json>(with_value(R"({"a":1})").decoded()), json({{"a", 1}}));
  EXPECT_EQ(std::get<json>(with_value("17").decoded()), json(17));
}

TEST(MessageValue, IsTextIfItIsUtf8) {
  EXPECT_EQ(std::get<std::string>(with_value("caf\xc3\xa9").decoded()), "caf\xc3\xa9");
  EXPECT_EQ(std::get<std::string>(with_value("").decoded()), "");
}

TEST(MessageValue, IsBytesOtherwise) {
  EXPECT_EQ(std::get<std::vector<std::byte>>(with_value("\xff\x01").decoded()),
            (std::vector{std::byte{0xff}, std::byte{1}}));
}

TEST(MessageValue, NamesThePositionOfAJsonError) {
  try {
    static_cast<void>(with_value("{oops").json());
    FAIL() << "parsed";
  } catch (const std::invalid_argument& fault) {
    EXPECT_THAT(fault.what(), testing::HasSubstr("gracedb.test[0] offset 7"));
  }
}

TEST(Payload, AcceptsJsonTextAndBytes) {
  EXPECT_EQ(Payload(json{{"a", 1}}).bytes(), R"({"a":1})");
  EXPECT_EQ(Payload("text").bytes(), "text");
  const std::array bytes{std::byte{0}, std::byte{0xff}};
  EXPECT_EQ(Payload(std::span<const std::byte>(bytes)).bytes(), std::string("\0\xff", 2));
}

TEST(Payload, RejectsJsonThatIsNotUtf8) { EXPECT_THROW(Payload(json{{"a", "\xff"}}), std::invalid_argument); }

}  // namespace
}  // namespace gracedb::kafka
