#include "gracedb-kafka/consume.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>

namespace gracedb::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;
using nlohmann::ordered_json;
using test_support::TemporaryDirectory;
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

TEST(MessageJson, WritesNullForMissingKeyAndTimestamp) {
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

TEST(MessageJson, IsOneLineForAPayloadOfTwoLines) {
  EXPECT_THAT(message_json(message_of("two\nlines"), false), Not(HasSubstr("\n")));
}

TEST(MessageJson, ParsedWritesPayloadAsJson) {
  EXPECT_EQ(json::parse(message_json(message_of(R"({"a":1})"), true)).at("payload").at("a"), 1);
  EXPECT_EQ(json::parse(message_json(message_of("not JSON"), true)).at("payload"), "not JSON");
}

TEST(MessageText, BeginsWithAHeadline) {
  EXPECT_THAT(message_text(message_of("text"), plain, {}),
              StartsWith("gracedb-test.gstlal[3] @ 42  2026-11-22 03:04:05.123 UTC  key T0001  4 B\ntext\n"));
}

TEST(MessageText, ReplacesEventFileByItsSize) {
  const std::string text = message_text(upload_of(std::string(14'234, 'x')), plain, {});
  EXPECT_THAT(text, AllOf(HasSubstr("upload of coinc.xml, 14.2 kB"), HasSubstr("(14.2 kB in base64)"),
                          HasSubstr("\"graceid\": \"T0001\""), Not(HasSubstr("eHh4"))));
}

TEST(MessageText, FullShowsEventFile) {
  EXPECT_THAT(message_text(upload_of(std::string(14'234, 'x')), plain, {.full = true}),
              HasSubstr("eHh4eHh4"));
}

TEST(MessageText, HeadlineOnlyIsOneLine) {
  const std::string text = message_text(upload_of("contents"), plain, {.headline_only = true});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(MessageText, KeepsTheOrderOfJsonMembers) {
  const std::string text = message_text(message_of(R"({"z":1,"a":2})"), plain, {});
  EXPECT_LT(text.find("\"z\""), text.find("\"a\""));
}

TEST(MessageText, EscapesControlCharacters) {
  kafka::Message message = message_of("\033[2J\xc2\x9b");
  message.key = "\033]0;title\007";
  message.headers = {{"name\n", "\033[31m"}};
  EXPECT_THAT(message_text(message, plain, {}),
              AllOf(Not(HasSubstr("\033")), Not(HasSubstr("\007")), Not(HasSubstr("\xc2\x9b"))));
}

TEST(MessageText, ReplacesBinaryDataByItsSize) {
  EXPECT_THAT(message_text(message_of("\xff\xfe"), plain, {}), HasSubstr("(2 B of binary data)"));
}

TEST(Abbreviate, CutsLongStringsBetweenCharacters) {
  const ordered_json cut =
      abbreviate({{"text", std::string(59, 'x') + "\xe2\x82\xac" + std::string(500, 'y')}});
  const auto text = cut.at("text").get<std::string>();
  EXPECT_THAT(text, StartsWith(std::string(59, 'x') + "… ("));
  EXPECT_NO_THROW(static_cast<void>(cut.dump()));
}

TEST(Abbreviate, AppliesToNestedValues) {
  const ordered_json cut = abbreviate({{"list", {{{"text", std::string(1'000, 'x')}}}}});
  EXPECT_LT(cut.dump().size(), 200U);
}

TEST(Abbreviate, KeepsShortValues) {
  const ordered_json value = {{"a", 1}, {"b", {"c", nullptr, true}}};
  EXPECT_EQ(abbreviate(value), value);
}

TEST(Abbreviate, AcceptsMalformedEventFile) {
  for (const char* text : {R"({"eventFile":"x"})", R"({"eventFile":["a"]})", R"({"eventFile":[1,2]})",
                           R"({"eventFile":["a","="]})", R"({"eventFile":["a",""]})"}) {
    EXPECT_NO_THROW(abbreviate(ordered_json::parse(text))) << text;
  }
}

kafka::Message saved_upload(std::optional<std::string> graceid, const std::string& contents,
                            std::int64_t offset = 0) {
  kafka::UploadMessage upload;
  upload.gracedb_server = "https://gracedb-test.ligo.org/api/";
  upload.graceid = std::move(graceid);
  upload.pipeline = "gstlal";
  upload.file_name = "coinc.xml";
  kafka::Message message;
  message.topic = "gracedb-test.gstlal";
  message.offset = offset;
  message.value = kafka::build_upload_message(upload, contents);
  return message;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(MessageText, ShowsDeepJsonAsRawText) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(message_text(message_of(deep), plain, {.full = true}), HasSubstr(deep));
  EXPECT_EQ(json::parse(message_json(message_of(deep), true)).at("payload"), deep);
}

TEST(MessageText, ShowsNumbersOutOfRangeAsRawText) {
  EXPECT_THAT(message_text(message_of(R"({"far":1e999})"), plain, {}), HasSubstr(R"({"far":1e999})"));
}

TEST(ConsumedPipelines, AreUnique) {
  EXPECT_THAT(pipelines_of({"test", "gstlal", "test", "gracedb-test.test"}, "gracedb-test"),
              testing::ElementsAre("test", "gstlal"));
}

TEST(SafeComponent, StaysInItsDirectory) {
  EXPECT_EQ(safe_component("coinc.xml"), "coinc.xml");
  EXPECT_EQ(safe_component(".."), "_.");
  EXPECT_EQ(safe_component("."), "_");
  EXPECT_EQ(safe_component(""), "_");
  EXPECT_EQ(safe_component("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(safe_component("a b\n\xc3\xa9"), "a_b___");
  EXPECT_EQ(safe_component(std::string(300, 'x')).size(), 200U);
}

TEST(EventFiles, SavesUnderGraceid) {
  const TemporaryDirectory directory;
  const auto path =
      EventFiles(directory.path()).save(saved_upload("T0001", std::string("byte\0for byte", 13)));
  ASSERT_EQ(path, directory.path() / "T0001" / "coinc.xml");
  EXPECT_EQ(read_text(*path), std::string("byte\0for byte", 13));
}

TEST(EventFiles, SavesUnderOffsetWithoutGraceid) {
  const TemporaryDirectory directory;
  const auto path = EventFiles(directory.path()).save(saved_upload(std::nullopt, "text", 7));
  EXPECT_EQ(path, directory.path() / "gracedb-test.gstlal-0-7" / "coinc.xml");
}

TEST(EventFiles, KeepsAnIdenticalFile) {
  const TemporaryDirectory directory;
  const EventFiles files(directory.path());
  EXPECT_EQ(files.save(saved_upload("T0001", "text", 1)), files.save(saved_upload("T0001", "text", 2)));
}

TEST(EventFiles, DoesNotOverwriteAnotherFile) {
  const TemporaryDirectory directory;
  const EventFiles files(directory.path());
  const auto first = files.save(saved_upload("T0001", "first", 1));
  const auto second = files.save(saved_upload("T0001", "second", 2));
  EXPECT_EQ(second, directory.path() / "T0001-0-2" / "coinc.xml");
  EXPECT_EQ(read_text(*first), "first");
  EXPECT_EQ(read_text(*second), "second");
}

TEST(EventFiles, StaysInItsDirectory) {
  const TemporaryDirectory directory;
  const fs::path target = directory.path() / "target";
  const auto path = EventFiles(target).save(saved_upload("../outside", "text"));
  ASSERT_TRUE(path);
  EXPECT_EQ(path->parent_path().parent_path(), target);
  EXPECT_FALSE(fs::exists(directory.path() / "outside"));
}

TEST(EventFiles, LeavesNoTemporaryFile) {
  const TemporaryDirectory directory;
  const auto path = EventFiles(directory.path()).save(saved_upload("T0001", "text"));
  EXPECT_EQ(std::distance(fs::directory_iterator(path->parent_path()), fs::directory_iterator()), 1);
}

TEST(EventFiles, IgnoresOtherMessages) {
  const TemporaryDirectory directory;
  kafka::Message message;
  message.value = R"({"type":"ping","timestamp":1,"client":"x"})";
  EXPECT_EQ(EventFiles(directory.path()).save(message), std::nullopt);
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST(EventFiles, ThrowsIfTheDirectoryIsAFile) {
  const TemporaryDirectory directory;
  directory.write("file", "");
  EXPECT_THROW(EventFiles(directory.path() / "file").save(saved_upload("T0001", "text")), std::runtime_error);
}

}  // namespace
}  // namespace gracedb::cli
