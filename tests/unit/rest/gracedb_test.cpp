#include "gracedb/rest/gracedb.hpp"

#include "fake_gracedb.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::rest {
namespace {

using nlohmann::json;
using test_support::anonymous;
using test_support::FakeGraceDb;
using test_support::message_of;
using test_support::TestReply;
using test_support::TestRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TestReply echo(const TestRequest& request) { return {.body = json(request.path).dump()}; }

TEST(GraceDb, DoesNotConnectAtConstruction) {
  const GraceDb client(anonymous("http://127.0.0.1:1/api"));
  EXPECT_EQ(client.service_url(), "http://127.0.0.1:1/api/");
  EXPECT_EQ(client.credential(), "none");
}

TEST(GraceDb, RejectsAnInvalidServiceUrl) {
  EXPECT_THAT(message_of<std::invalid_argument>([] { GraceDb client(anonymous("gracedb.ligo.org/api/")); }),
              HasSubstr("use one like https://gracedb-test.ligo.org/api/"));
}

TEST(GraceDb, RejectsAnInvalidApiVersion) {
  for (const char* version : {"", "v2/", "../v1"}) {
    GraceDbOptions options = anonymous("http://127.0.0.1:1/api/");
    options.api_version = version;
    EXPECT_THROW(GraceDb client(options), std::invalid_argument) << version;
  }
}

TEST(GraceDb, ReturnsItsApiRoot) {
  const FakeGraceDb server;
  GraceDb client(anonymous(server.service_url()));
  EXPECT_EQ(client.api_root().at("server-version"), "2.36.0");
  EXPECT_EQ(client.api_root().at("links").at("self"), server.service_url() + "v2/");
}

TEST(GraceDb, SupportsTheDefaultApiVersion) {
  const FakeGraceDb server;
  GraceDbOptions options = anonymous(server.service_url());
  options.api_version = "default";
  GraceDb client(options);
  EXPECT_EQ(client.api_root().at("links").at("self"), server.service_url());
}

TEST(GraceDb, CanBeMoved) {
  const FakeGraceDb server;
  GraceDb client(anonymous(server.service_url()));
  client.api_root();
  GraceDb moved(std::move(client));
  EXPECT_EQ(moved.ping().status, 200);
  EXPECT_EQ(server.all_requests().size(), 2U);
}

TEST(GraceDbResponse, IsNullWithoutABodyAndThrowsIfNotJson) {
  EXPECT_EQ((Response{.status = 204, .reason = {}, .headers = {}, .body = {}}).json(), nullptr);
  EXPECT_EQ((Response{.status = 200, .reason = {}, .headers = {}, .body = R"({"a": 1})"}).json().at("a"), 1);
  EXPECT_THAT(message_of<std::invalid_argument>([] {
                (void)Response{.status = 200, .reason = "OK", .headers = {}, .body = "<html>"}.json();
              }),
              HasSubstr("not JSON"));
}

class Resources : public ::testing::Test {
 protected:
  FakeGraceDb server_{echo};
  GraceDb client_{anonymous(server_.service_url())};
};

TEST_F(Resources, UseTheUrlsOfTheApiRoot) {
  EXPECT_EQ(client_.event("T0001").json(), "/api/v2/events/T0001");
  EXPECT_EQ(client_.files("T0001").json(), "/api/v2/events/T0001/files/");
  EXPECT_EQ(client_.files("T0001", "coinc.xml,0").json(), "/api/v2/events/T0001/files/coinc.xml,0");
  EXPECT_EQ(client_.logs("T0001").json(), "/api/v2/events/T0001/log/");
  EXPECT_EQ(client_.logs("T0001", 3).json(), "/api/v2/events/T0001/log/3");
  EXPECT_EQ(client_.labels("T0001").json(), "/api/v2/events/T0001/labels/");
  EXPECT_EQ(client_.labels("T0001", "INJ").json(), "/api/v2/events/T0001/labels/INJ");
  EXPECT_EQ(client_.user_info().json(), "/api/v2/user-info/");
  for (const auto& request : server_.requests()) {
    EXPECT_EQ(request.method, "GET");
  }
}

TEST_F(Resources, RequireAnId) {
  EXPECT_THROW(client_.event(""), std::invalid_argument);
  EXPECT_THROW(client_.files(""), std::invalid_argument);
  EXPECT_THROW(client_.write_label("T0001", ""), std::invalid_argument);
  EXPECT_TRUE(server_.all_requests().empty());
}

TEST_F(Resources, EncodeAnIdWithSpecialCharacters) {
  client_.event("../../admin?x=1#y");
  EXPECT_EQ(server_.requests().at(0).target, "/api/v2/events/..%2F..%2Fadmin%3Fx%3D1%23y");
}

TEST_F(Resources, LabelsAreWrittenAndRemoved) {
  client_.write_label("T0001", "INJ");
  client_.remove_label("T0001", "INJ");
  const auto requests = server_.requests();
  EXPECT_EQ(requests.at(0).method, "PUT");
  EXPECT_EQ(requests.at(0).path, "/api/v2/events/T0001/labels/INJ");
  EXPECT_EQ(requests.at(0).body, "{}");
  EXPECT_EQ(requests.at(1).method, "DELETE");
}

TEST_F(Resources, SendTheLabelBodyOfVersionOne) {
  GraceDbOptions options = anonymous(server_.service_url());
  options.api_version = "v1";
  GraceDb(options).write_label("T0001", "INJ");
  EXPECT_EQ(server_.requests().at(0).body, R"("{}")");
}

TEST_F(Resources, SendALogEntryWithTagsLabelAndFile) {
  const test_support::TemporaryDirectory directory;
  const std::string path = directory.write("skymap.txt", "a map");
  client_.write_log(
      "T0001", "sky map ready",
      {.filename = path, .contents = {}, .tag_names = {"sky_loc", "public"}, .label = "EM_READY"});
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/v2/events/T0001/log/");
  EXPECT_THAT(request.field("comment"), ElementsAre("sky map ready"));
  EXPECT_THAT(request.field("tagname"), ElementsAre("sky_loc", "public"));
  EXPECT_THAT(request.field("label"), ElementsAre("EM_READY"));
  EXPECT_EQ(request.file("upload").value().file_name, "skymap.txt");
  EXPECT_EQ(request.file("upload").value().content, "a map");
  EXPECT_EQ(request.file("upload").value().content_type, "text/plain");
}

TEST_F(Resources, SendALogEntryWithoutAFile) {
  client_.write_log("T0001", "just a word");
  const auto request = server_.requests().at(0);
  EXPECT_THAT(request.field("comment"), ElementsAre("just a word"));
  EXPECT_FALSE(request.file("upload"));
}

/// `total` events in pages of at most 2.
TestReply page_of(int total, const TestRequest& request) {
  if (request.path != "/api/events/") return {.status = 404};
  const std::string start_text = request.parameter("start");
  const int start = start_text.empty() ? 0 : std::stoi(start_text);
  const int end = std::min({start + 2, total, start + std::stoi(request.parameter("count"))});
  json page{{"numRows", total}, {"events", json::array()}, {"links", {{"next", nullptr}}}};
  for (int i = start; i < end; ++i) {
    page["events"].push_back({{"graceid", "T" + std::to_string(i)}});
  }
  if (end < total) {
    page["links"]["next"] =
        "http://" + request.headers.at("host") + "/api/events/?count=2&start=" + std::to_string(end);
  }
  return {.body = page.dump()};
}

class Events : public ::testing::Test {
 protected:
  std::vector<std::string> visit(std::optional<std::size_t> max_results = std::nullopt,
                                 std::size_t stop_after = 1000) {
    std::vector<std::string> seen;
    client_.events(
        "group: Test & x",
        [&](const json& event) {
          seen.push_back(event.at("graceid"));
          return seen.size() < stop_after;
        },
        "-created", max_results);
    return seen;
  }

  FakeGraceDb server_{[](const TestRequest& request) { return page_of(5, request); }};
  GraceDb client_{anonymous(server_.service_url())};
};

TEST_F(Events, AreVisitedPageByPage) {
  EXPECT_THAT(visit(), ElementsAre("T0", "T1", "T2", "T3", "T4"));
  const auto requests = server_.requests();
  EXPECT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests.at(0).parameter("query"), "group: Test & x");
  EXPECT_EQ(requests.at(0).parameter("sort"), "-created");
}

TEST_F(Events, EndWhenTheVisitorReturnsFalse) {
  EXPECT_THAT(visit(std::nullopt, 3), ElementsAre("T0", "T1", "T2"));
  EXPECT_EQ(server_.requests().size(), 2U);
}

TEST_F(Events, EndAtMaxResults) {
  EXPECT_THAT(visit(3), ElementsAre("T0", "T1", "T2"));
  EXPECT_THAT(visit(0), ElementsAre());
}

TEST(EventPages, AreNotFetchedFromAnotherHost) {
  const FakeGraceDb server([](const TestRequest&) {
    return TestReply{.body = R"({"events": [{"graceid": "T1"}], "links": {"next": "https://evil.org/"}})"};
  });
  GraceDb client(anonymous(server.service_url()));
  EXPECT_THAT(message_of<HttpError>([&] { client.events("", [](const json&) { return true; }); }),
              HasSubstr("links to another server, https://evil.org"));
}

TEST(EventPages, MustBeLists) {
  const FakeGraceDb server([](const TestRequest&) { return TestReply{.body = R"({"events": 3})"}; });
  GraceDb client(anonymous(server.service_url()));
  EXPECT_THAT(message_of<HttpError>([&] { client.events("", [](const json&) { return true; }); }),
              HasSubstr("not a list of events"));
}

TEST(EventPages, SurviveDeeplyNestedJson) {
  const FakeGraceDb server([](const TestRequest&) {
    return TestReply{.body = R"({"events": )" + std::string(60'000, '[') + std::string(60'000, ']') + "}"};
  });
  GraceDb client(anonymous(server.service_url()));
  EXPECT_THAT(message_of<HttpError>([&] { client.events("", [](const json&) { return true; }); }),
              HasSubstr("not a list of events"));
}

TEST(GraceDbResponse, ThrowsForJsonThatCannotBeParsed) {
  for (const std::string& body : {std::string("1e999"), std::string(60'000, '['), std::string("\"\xE9\"")}) {
    EXPECT_THAT(message_of<std::invalid_argument>([&] {
                  (void)Response{.status = 200, .reason = "\xE9", .headers = {}, .body = body}.json();
                }),
                HasSubstr("(200 \\xe9) is not JSON"));
  }
}

}  // namespace
}  // namespace gracedb::rest
