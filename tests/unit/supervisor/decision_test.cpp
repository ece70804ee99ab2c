#include "supervisor/decision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace gracedb::supervisor {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Rejection::Kind;

constexpr const char* own_server = "https://gracedb-test.ligo.org/api/";

Rules rules() { return {.servers = {ServiceAddress(own_server)}}; }

json upload_message() {
  const std::string contents = "an event";
  kafka::UploadMessage message;
  message.gracedb_server = own_server;
  message.graceid = "T0001";
  message.pipeline = "gstlal";
  message.labels = {{"EM_READY"}};
  message.file_name = "coinc.xml";
  message.content_id = kafka::content_id(contents);
  return json::parse(kafka::build_upload_message(message, contents));
}

Decision decide_value(std::string value, const Rules& by = rules()) {
  kafka::Message message;
  message.topic = "gracedb-test.gstlal";
  message.value = std::move(value);
  return decide(message, by);
}

Decision decide_with(const std::string& field, const json& value) {
  json message = upload_message();
  message[field] = value;
  return decide_value(message.dump());
}

Decision decide_without(const std::string& field) {
  json message = upload_message();
  message.erase(field);
  return decide_value(message.dump());
}

std::optional<Rejection> rejection(const Decision& decision) {
  const auto* found = std::get_if<Rejection>(&decision);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<Kind> kind_of(const Decision& decision) {
  const auto found = rejection(decision);
  return found ? std::optional(found->kind) : std::nullopt;
}

bool is_upload(const Decision& decision) { return std::holds_alternative<Upload>(decision); }

TEST(Decide, UploadsWhatHasBeenReserved) {
  const Decision decision = decide_value(upload_message().dump());
  ASSERT_TRUE(is_upload(decision));
  const auto& upload = std::get<Upload>(decision);
  EXPECT_EQ(upload.graceid, "T0001");
  EXPECT_EQ(upload.event.message.file_name, "coinc.xml");
  EXPECT_EQ(upload.event.contents, "an event");
}

TEST(Decide, IgnoresPings) {
  EXPECT_TRUE(std::holds_alternative<Ignore>(decide_value(kafka::build_ping_message({.timestamp = 1.5}))));
}

TEST(Decide, SkipsWhatIsNotMeantForTheSupervisor) {
  const Decision skipped = decide_with("skip_supervisor", true);
  ASSERT_TRUE(std::holds_alternative<Skip>(skipped));
  EXPECT_EQ(std::get<Skip>(skipped).reason, "skip_supervisor");
}

TEST(Decide, SkipsWhatIsNotMeantForGraceDb) {
  json message = upload_message();
  message["gracedb_upload"] = false;
  message["graceid"] = nullptr;
  const Decision skipped = decide_value(message.dump());
  ASSERT_TRUE(std::holds_alternative<Skip>(skipped));
  EXPECT_EQ(std::get<Skip>(skipped).reason, "gracedb_upload is false");
}

TEST(Decide, RejectsWhatIsNoMessageOfOurs) {
  for (const char* value : {"", "null", "42", "[]", "{}", "not JSON", R"({"type":"upload")",
                            R"({"type":"alert"})", R"({"type":5})", "\xff\xfe", R"({"type":"upload"})"}) {
    EXPECT_EQ(kind_of(decide_value(value)), Kind::schema) << value;
  }
}

TEST(Decide, RejectsAMissingField) {
  for (const char* field : {"type", "gracedb_server", "pipeline", "gracedb_upload", "eventFile"}) {
    EXPECT_EQ(kind_of(decide_without(field)), Kind::schema) << field;
  }
}

TEST(Decide, RejectsAFieldOfAnotherType) {
  EXPECT_EQ(kind_of(decide_with("gracedb_upload", "yes")), Kind::schema);
  EXPECT_EQ(kind_of(decide_with("labels", "EM_READY")), Kind::schema);
  EXPECT_EQ(kind_of(decide_with("graceid", 1)), Kind::schema);
  EXPECT_EQ(kind_of(decide_with("eventFile", {"coinc.xml"})), Kind::schema);
  EXPECT_EQ(kind_of(decide_with("eventFile", {"coinc.xml", "not base64!"})), Kind::schema);
}

TEST(Decide, RejectsContentsThatDoNotMatchTheirId) {
  const Decision decision = decide_with("content_id", kafka::content_id("another event"));
  EXPECT_EQ(kind_of(decision), Kind::schema);
  EXPECT_THAT(rejection(decision)->detail, HasSubstr("content_id"));
}

TEST(Decide, TakesMessagesWithoutAContentId) { EXPECT_TRUE(is_upload(decide_without("content_id"))); }

TEST(Decide, RejectsDeepNesting) {
  constexpr std::size_t deep = 200'000;
  std::string value = upload_message().dump();
  value.back() = ',';
  value += "\"more\":" + std::string(deep, '[') + std::string(deep, ']') + "}";
  EXPECT_EQ(kind_of(decide_value(value)), Kind::schema);
}

TEST(Decide, RejectsWhatIsTooLarge) {
  Rules small = rules();
  const std::string value = upload_message().dump();
  small.largest_message = value.size();
  EXPECT_TRUE(is_upload(decide_value(value, small)));
  EXPECT_EQ(kind_of(decide_value(value + " ", small)), Kind::too_large);
}

TEST(Decide, TakesOurServerHoweverItIsWritten) {
  for (const char* url : {"https://gracedb-test.ligo.org/api", "HTTPS://GRACEDB-TEST.ligo.org:443/api/v2/"}) {
    EXPECT_TRUE(is_upload(decide_with("gracedb_server", url))) << url;
  }
}

TEST(Decide, TakesEveryNameOfOurServer) {
  Rules two = rules();
  two.servers.emplace_back("http://gracedb-web:8080/api/");
  json message = upload_message();
  message["gracedb_server"] = "http://gracedb-web:8080/api/";
  EXPECT_TRUE(is_upload(decide_value(message.dump(), two)));
  EXPECT_EQ(kind_of(decide_value(message.dump())), Kind::foreign_server);
}

TEST(Decide, RejectsForeignServers) {
  for (const char* url : {"https://gracedb.ligo.org/api/", "http://gracedb-test.ligo.org/api/",
                          "https://gracedb-test.ligo.org.evil.example/api/", "", "gracedb-test.ligo.org",
                          "file:///etc/passwd"}) {
    EXPECT_EQ(kind_of(decide_with("gracedb_server", url)), Kind::foreign_server) << url;
  }
}

TEST(Decide, RejectsAnUploadWithoutGraceid) {
  EXPECT_EQ(kind_of(decide_with("graceid", nullptr)), Kind::graceid);
  EXPECT_EQ(kind_of(decide_without("graceid")), Kind::graceid);
}

TEST(Decide, ChecksTheGraceid) {
  for (const char* graceid : {"T0001", "G123456", "E1", "H0", "M123456789012", "D5"}) {
    EXPECT_TRUE(is_upload(decide_with("graceid", graceid))) << graceid;
  }
  for (const char* graceid : {"", "T", "0001", "t0001", "S190425z", "X1", "T1234567890123", "T0001 ",
                              "../T0001", "T0001/../G1", "T１"}) {
    EXPECT_EQ(kind_of(decide_with("graceid", graceid)), Kind::graceid) << graceid;
  }
}

TEST(Decide, ChecksTheLabels) {
  EXPECT_TRUE(is_upload(decide_with("labels", nullptr)));
  EXPECT_TRUE(is_upload(decide_with("labels", {"cWB_r", "2022_LENSING_MDC"})));
  const std::string long_label(101, 'A');
  for (const std::string& label : {std::string(), std::string("A B"), std::string("A\n"), long_label}) {
    EXPECT_EQ(kind_of(decide_with("labels", {label})), Kind::label) << label;
  }
  EXPECT_EQ(kind_of(decide_with("labels", std::vector<std::string>(101, "INJ"))), Kind::label);
}

TEST(Decide, ReducesTheFileNameToItsBaseName) {
  const Decision decision = decide_with("eventFile", {"/home/me/run 1/coinc.xml", "YW4gZXZlbnQ="});
  ASSERT_TRUE(is_upload(decision));
  EXPECT_EQ(std::get<Upload>(decision).event.message.file_name, "coinc.xml");
}

TEST(Decide, RejectsFileNamesThatAreNone) {
  json message = upload_message();
  message.erase("content_id");
  for (const std::string& name : {std::string(".."), std::string("a/."), std::string("co\ninc.xml"),
                                  std::string("a\0b", 3), std::string(256, 'x')}) {
    message["eventFile"] = {name, "YW4gZXZlbnQ="};
    EXPECT_EQ(kind_of(decide_value(message.dump())), Kind::file) << name;
  }
}

TEST(Decide, RejectsAnEmptyFile) {
  json message = upload_message();
  message.erase("content_id");
  message["eventFile"] = {"coinc.xml", ""};
  EXPECT_EQ(kind_of(decide_value(message.dump())), Kind::file);
}

TEST(Decide, ExplainsOnOneShortLine) {
  const Decision decision = decide_with("graceid", "T\n\x1b[31m" + std::string(1'000'000, 'x'));
  ASSERT_EQ(kind_of(decision), Kind::graceid);
  const std::string detail = rejection(decision)->detail;
  EXPECT_LT(detail.size(), 200U);
  EXPECT_THAT(detail, Not(HasSubstr("\n")));
  EXPECT_THAT(detail, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace gracedb::supervisor
