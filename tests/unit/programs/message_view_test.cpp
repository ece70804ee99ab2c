#include "gracedb-kafka/message_view.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const programs::Style plain(false);

kafka::Message message_of(std::string value) {
  kafka::Message message;
  message.topic = "gracedb-test.gstlal";
  message.partition = 3;
  message.offset = 42;
  message.key = "T0001";
  message.value = std::move(value);
  message.timestamp = std::chrono::system_clock::time_point(1'795'316'645'123ms);
  return message;
}

kafka::Message upload_of(const std::string& contents) {
  kafka::UploadMessage upload;
  upload.gracedb_server = "https://gracedb-test.ligo.org/api/";
  upload.graceid = "T0001";
  upload.pipeline = "gstlal";
  upload.file_name = "coinc.xml";
  return message_of(kafka::build_upload_message(upload, contents));
}

TEST(MessageJson, HasTheKeysOfKcat) {
  kafka::Message message = message_of(R"({"a":1})");
  message.headers = {{"source", "shell"}, {"source", "twice"}};
  const std::string line = message_json(message, false);
  EXPECT_EQ(line, R"({"topic":"gracedb-test.gstlal","partition":3,"offset":42,"ts":1795316645123,)"
                  R"("headers":["source","shell","source","twice"],"key":"T0001","payload":"{\"a\":1}"})");
}

TEST(MessageJson, HasNullForWhatIsNotThere) {
  kafka::Message message = message_of("text");
  message.key.reset();
  message.timestamp.reset();
  const json line = json::parse(message_json(message, false));
  EXPECT_TRUE(line.at("key").is_null());
  EXPECT_TRUE(line.at("ts").is_null());
  EXPECT_FALSE(line.contains("headers"));
  EXPECT_FALSE(line.contains("payload_encoding"));
}

TEST(MessageJson, WritesBinaryPayloadKeyAndHeadersAsBase64) {
  kafka::Message message = message_of(std::string("\xff\xfe\0b", 4));
  message.key = "\xff";
  message.headers = {{"plain", "text"}, {"binary", "\x80"}};
  const json line = json::parse(message_json(message, false));
  EXPECT_EQ(line.at("payload"), "//4AYg==");
  EXPECT_EQ(line.at("payload_encoding"), "base64");
  EXPECT_EQ(line.at("key"), "/w==");
  EXPECT_EQ(line.at("key_encoding"), "base64");
  EXPECT_EQ(line.at("headers"), json({"plain", "dGV4dA==", "binary", "gA=="}));
  EXPECT_EQ(line.at("headers_encoding"), "base64");
}

TEST(MessageJson, IsOneLineWhateverThePayload) {
  EXPECT_THAT(message_json(message_of("two\nlines"), false), Not(HasSubstr("\n")));
}

TEST(MessageJson, HasThePayloadAsJsonOnRequest) {
  EXPECT_EQ(json::parse(message_json(message_of(R"({"a":1})"), true)).at("payload").at("a"), 1);
  EXPECT_EQ(json::parse(message_json(message_of("not JSON"), true)).at("payload"), "not JSON");
}

TEST(MessageText, BeginsWithAHeadline) {
  EXPECT_THAT(message_text(message_of("text"), plain, {}),
              StartsWith("gracedb-test.gstlal[3] @ 42  2026-11-22 03:04:05.123 UTC  key T0001  4 B\ntext\n"));
}

TEST(MessageText, TellsTheSizeOfAnEventFileInsteadOfShowingIt) {
  const std::string text = message_text(upload_of(std::string(14'234, 'x')), plain, {});
  EXPECT_THAT(text, AllOf(HasSubstr("upload of coinc.xml, 14.2 kB"), HasSubstr("(14.2 kB in base64)"),
                          HasSubstr("\"graceid\": \"T0001\""), Not(HasSubstr("eHh4"))));
}

TEST(MessageText, ShowsTheEventFileOnRequest) {
  EXPECT_THAT(message_text(upload_of(std::string(14'234, 'x')), plain, {.full = true}),
              HasSubstr("eHh4eHh4"));
}

TEST(MessageText, IsTheHeadlineAloneOnRequest) {
  const std::string text = message_text(upload_of("contents"), plain, {.headline_only = true});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(MessageText, KeepsTheOrderOfTheSender) {
  const std::string text = message_text(message_of(R"({"z":1,"a":2})"), plain, {});
  EXPECT_LT(text.find("\"z\""), text.find("\"a\""));
}

TEST(MessageText, CannotCommandATerminal) {
  kafka::Message message = message_of("\033[2J\xc2\x9b");
  message.key = "\033]0;title\007";
  message.headers = {{"name\n", "\033[31m"}};
  EXPECT_THAT(message_text(message, plain, {}),
              AllOf(Not(HasSubstr("\033")), Not(HasSubstr("\007")), Not(HasSubstr("\xc2\x9b"))));
}

TEST(MessageText, TellsTheSizeOfWhatIsNotText) {
  EXPECT_THAT(message_text(message_of("\xff\xfe"), plain, {}), HasSubstr("(2 B that are not text)"));
}

TEST(Abbreviation, CutsLongStringsAtACharacter) {
  const ordered_json cut =
      abbreviate({{"text", std::string(59, 'x') + "\xe2\x82\xac" + std::string(500, 'y')}});
  const auto text = cut.at("text").get<std::string>();
  EXPECT_THAT(text, StartsWith(std::string(59, 'x') + "… ("));
  EXPECT_NO_THROW(static_cast<void>(cut.dump()));
}

TEST(Abbreviation, ReachesIntoListsAndObjects) {
  const ordered_json cut = abbreviate({{"list", {{{"text", std::string(1'000, 'x')}}}}});
  EXPECT_LT(cut.dump().size(), 200U);
}

TEST(Abbreviation, LeavesShortValuesAlone) {
  const ordered_json value = {{"a", 1}, {"b", {"c", nullptr, true}}};
  EXPECT_EQ(abbreviate(value), value);
}

TEST(Abbreviation, SurvivesAnEventFileOfAnotherShape) {
  for (const char* text : {R"({"eventFile":"x"})", R"({"eventFile":["a"]})", R"({"eventFile":[1,2]})",
                           R"({"eventFile":["a","="]})", R"({"eventFile":["a",""]})"}) {
    EXPECT_NO_THROW(abbreviate(ordered_json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace gracedb::cli
