#include "gracedb/kafka/upload_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>

namespace gracedb::kafka {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

UploadMessage example() {
  UploadMessage message;
  message.gracedb_server = "https://gracedb-test.ligo.org/api/";
  message.graceid = "G0042";
  message.submitter = "albert.einstein@ligo.org";
  message.pipeline = "gstlal";
  message.group = "CBC";
  message.search = "AllSky";
  message.labels = {"INJ", "DQV"};
  message.file_name = "coinc.xml";
  message.content_id = content_id("<xml/>");
  message.producer_timestamp = 1789000000.25;
  return message;
}

/// The text of a valid message with some fields replaced or, by null in `without`, left out.
std::string altered(const json& changes, std::string_view without = {}) {
  json object = json::parse(build_upload_message(example(), "<xml/>"));
  object.update(changes);
  if (!without.empty()) object.erase(std::string(without));
  return object.dump();
}

std::string fault_of(const std::string& text) {
  try {
    parse_upload_message(text);
    return {};
  } catch (const std::invalid_argument& fault) {
    return fault.what();
  }
}

TEST(ContentId, IsAUuidOfTheFirstHalfOfTheSha256) {
  EXPECT_EQ(content_id(""), "e3b0c442-98fc-1c14-9afb-f4c8996fb924");
  EXPECT_EQ(content_id("abc"), "ba7816bf-8f01-cfea-4141-40de5dae2223");
}

TEST(UploadMessage, HasTheFieldsOfTheSchema) {
  const json object = json::parse(build_upload_message(example(), "<xml/>"));
  EXPECT_EQ(object, json({{"type", "upload"},
                          {"gracedb_server", "https://gracedb-test.ligo.org/api/"},
                          {"graceid", "G0042"},
                          {"submitter", "albert.einstein@ligo.org"},
                          {"pipeline", "gstlal"},
                          {"group", "CBC"},
                          {"search", "AllSky"},
                          {"gracedb_upload", true},
                          {"skip_supervisor", false},
                          {"labels", {"INJ", "DQV"}},
                          {"eventFile", {"coinc.xml", "PHhtbC8+"}},
                          {"content_id", content_id("<xml/>")},
                          {"_producer_timestamp", 1789000000.25}}));
}

TEST(UploadMessage, WritesNullForMissingFields) {
  UploadMessage message = example();
  message.graceid.reset();
  message.submitter.reset();
  message.labels.reset();
  message.group.reset();
  message.search.reset();
  const json object = json::parse(build_upload_message(message, ""));
  EXPECT_TRUE(object.at("graceid").is_null());
  EXPECT_TRUE(object.at("submitter").is_null());
  EXPECT_TRUE(object.at("labels").is_null());
  EXPECT_FALSE(object.contains("group"));
  EXPECT_FALSE(object.contains("search"));
  EXPECT_EQ(object.at("eventFile"), json({"coinc.xml", ""}));
}

TEST(UploadMessage, RoundTripsByteForByte) {
  std::string contents;
  for (int i = 0; i < 4096; ++i)
    contents.push_back(static_cast<char>(i * 7));
  UploadMessage message = example();
  message.content_id = content_id(contents);
  message.skip_supervisor = true;
  const ReceivedUpload upload = parse_upload_message(build_upload_message(message, contents));
  EXPECT_EQ(upload.contents, contents);
  EXPECT_EQ(upload.message.graceid, "G0042");
  EXPECT_EQ(upload.message.submitter, "albert.einstein@ligo.org");
  EXPECT_EQ(upload.message.pipeline, "gstlal");
  EXPECT_EQ(upload.message.group, "CBC");
  EXPECT_EQ(upload.message.search, "AllSky");
  EXPECT_THAT(*upload.message.labels, ElementsAre("INJ", "DQV"));
  EXPECT_EQ(upload.message.file_name, "coinc.xml");
  EXPECT_TRUE(upload.message.gracedb_upload);
  EXPECT_TRUE(upload.message.skip_supervisor);
  EXPECT_DOUBLE_EQ(upload.message.producer_timestamp.value_or(0), 1789000000.25);
}

/// A file so long that its base64 is decoded where it stands.
std::string long_file() {
  std::string contents;
  for (int i = 0; i < 20'000; ++i)
    contents.push_back(static_cast<char>(i * i >> 4));
  return contents;
}

TEST(LongUploadMessage, ParsesFieldsInAnyOrder) {
  UploadMessage message = example();
  message.content_id = content_id(long_file());
  const std::string text = build_upload_message(message, long_file());
  for (const std::string& written : {text, json::parse(text).dump(), json::parse(text).dump(2)}) {
    const ReceivedUpload upload = parse_upload_message(written);
    EXPECT_TRUE(upload.contents == long_file());
    EXPECT_EQ(upload.message.graceid, "G0042");
    EXPECT_EQ(upload.message.file_name, "coinc.xml");
    EXPECT_EQ(kind_of(written), MessageKind::upload);
  }
}

TEST(LongUploadMessage, ParsesEscapedText) {
  json object = json::parse(build_upload_message(example(), long_file()));
  object.erase("content_id");
  std::string text = object.dump();
  for (std::size_t at = text.find('/'); at != std::string::npos; at = text.find('/', at + 2))
    text.insert(at, 1, '\\');
  EXPECT_TRUE(parse_upload_message(text).contents == long_file());
  object["eventFile"][0] = "a\"b.xml";
  EXPECT_EQ(parse_upload_message(object.dump()).message.file_name, "a\"b.xml");
}

TEST(LongUploadMessage, FindsTheFileAmongOtherLongTexts) {
  const std::string other(10'000, 'A');
  EXPECT_EQ(parse_upload_message(altered({{"submitter", other}})).message.submitter, other);
  EXPECT_EQ(parse_upload_message(altered({{"submitter", other}})).contents, "<xml/>");
  json object = json::parse(build_upload_message(example(), long_file()));
  object["content_id"] = content_id(long_file());
  object["a"] = other;
  object["z"] = other;
  EXPECT_TRUE(parse_upload_message(object.dump()).contents == long_file());
}

TEST(LongUploadMessage, RejectsContentsThatAreNotBase64) {
  json object = json::parse(build_upload_message(example(), long_file()));
  std::string base64 = object["eventFile"][1];
  base64[9'000] = '!';
  object["eventFile"][1] = base64;
  EXPECT_THAT(fault_of(object.dump()), HasSubstr("not standard base64"));
}

TEST(LongUploadMessage, RejectsInvalidJson) {
  const std::string text = build_upload_message(example(), long_file());
  EXPECT_THAT(fault_of(text.substr(0, text.size() - 1)), HasSubstr("not JSON"));
  EXPECT_THAT(fault_of(text.substr(0, 9'000)), HasSubstr("not JSON"));
  std::string with_quote = text;
  with_quote[9'000] = '"';
  EXPECT_THAT(fault_of(with_quote), HasSubstr("not JSON"));
}

TEST(UploadMessage, HasThePredictedSize) {
  for (const std::size_t size : {0U, 1U, 2U, 3U, 1000U}) {
    EXPECT_EQ(upload_message_size(example(), size),
              build_upload_message(example(), std::string(size, 'x')).size());
  }
}

TEST(UploadMessage, EscapesAFileName) {
  UploadMessage message = example();
  message.file_name = "a\"b\xff.xml";
  const ReceivedUpload upload = parse_upload_message(build_upload_message(message, "<xml/>"));
  EXPECT_EQ(upload.message.file_name, "a\"b\xef\xbf\xbd.xml");
}

TEST(UploadMessage, IsReducedToTheBaseNameOfItsFile) {
  const json file{"../../home/me\\coinc.xml", "PHhtbC8+"};
  EXPECT_EQ(parse_upload_message(altered({{"eventFile", file}})).message.file_name, "coinc.xml");
  EXPECT_THAT(fault_of(altered({{"eventFile", {"/etc/", "PHhtbC8+"}}})), HasSubstr("no file name"));
}

TEST(UploadMessage, ParsesMessagesOfTheReferenceClient) {
  const ReceivedUpload upload = parse_upload_message(
      R"({"type": "upload", "gracedb_server": "https://gracedb-test.ligo.org/api/", "graceid": "T0001",)"
      R"( "submitter": "someone", "pipeline": "gstlal", "gracedb_upload": true, "skip_supervisor": false,)"
      R"( "labels": null, "eventFile": ["coinc.xml", "PHhtbC8+"], "_producer_timestamp": 1789000000})");
  EXPECT_EQ(upload.contents, "<xml/>");
  EXPECT_FALSE(upload.message.labels);
  EXPECT_FALSE(upload.message.content_id);
}

TEST(UploadMessage, AllowsOtherFields) { EXPECT_EQ(fault_of(altered({{"colour", {{"of", "money"}}}})), ""); }

TEST(UploadMessage, NamesTheMissingField) {
  for (const char* field : {"type", "gracedb_server", "pipeline", "gracedb_upload", "eventFile"}) {
    const std::string fault = fault_of(altered(json::object(), field));
    EXPECT_THAT(fault, HasSubstr(field));
    EXPECT_THAT(fault, HasSubstr("missing"));
  }
}

TEST(UploadMessage, NamesTheFieldOfTheWrongType) {
  const json wrong{{"type", "download"},
                   {"gracedb_server", 1},
                   {"graceid", 42},
                   {"submitter", true},
                   {"pipeline", nullptr},
                   {"gracedb_upload", "yes"},
                   {"skip_supervisor", 1},
                   {"labels", "INJ"},
                   {"content_id", json::array()},
                   {"_producer_timestamp", "now"},
                   {"eventFile", "coinc.xml"}};
  for (const auto& [field, value] : wrong.items()) {
    EXPECT_THAT(fault_of(altered({{field, value}})), HasSubstr("'" + field + "'")) << value;
  }
  EXPECT_THAT(fault_of(altered({{"labels", {1}}})), HasSubstr("'labels'"));
  EXPECT_THAT(fault_of(altered({{"eventFile", {"only one"}}})), HasSubstr("'eventFile'"));
  EXPECT_THAT(fault_of(altered({{"eventFile", {"one", "Zm9v", "three"}}})), HasSubstr("'eventFile'"));
}

TEST(UploadMessage, RejectsContentsThatAreNotBase64OrDoNotMatchTheContentId) {
  EXPECT_THAT(fault_of(altered({{"eventFile", {"coinc.xml", "P!"}}})), HasSubstr("base64"));
  EXPECT_THAT(fault_of(altered({{"eventFile", {"coinc.xml", "Zm9v"}}})), HasSubstr("content_id"));
}

TEST(UploadMessage, RejectsWhatIsNotAJsonObject) {
  for (const char* text : {"", "[]", "7", "{", R"({"type":"upload")", "\xff\xfe"}) {
    EXPECT_NE(fault_of(text), "") << text;
  }
}

TEST(UploadMessage, RejectsDeepNesting) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_NE(fault_of(R"({"type":"upload","x":)" + deep + "}"), "");
}

TEST(UploadMessage, UsesTheLastOfARepeatedNameAsPythonDoes) {
  std::string text = build_upload_message(example(), "<xml/>");
  text.insert(1, R"("graceid":"G0001","type":"ping",)");
  EXPECT_EQ(parse_upload_message(text).message.graceid, "G0042");
  EXPECT_EQ(kind_of(text), MessageKind::upload);
}

TEST(MessageKind, DecodesEscapesLikeTheParser) {
  EXPECT_EQ(kind_of(R"({"\u0074ype":"upload"})"), MessageKind::upload);
}

TEST(MessageKind, DependsOnTheType) {
  EXPECT_EQ(kind_of(R"({"a": [1, {"type": "x"}], "type": "upload"})"), MessageKind::upload);
  EXPECT_EQ(kind_of(R"({"type":"ping"})"), MessageKind::ping);
  for (const char* text : {R"({"type":"other"})", R"({"type":1})", R"({})", "[]", "upload", "", "{"}) {
    EXPECT_EQ(kind_of(text), MessageKind::other) << text;
  }
}

}  // namespace
}  // namespace gracedb::kafka
