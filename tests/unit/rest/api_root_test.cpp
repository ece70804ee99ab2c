#include "rest/api_root.hpp"

#include "fake_gracedb.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace gracedb::rest {
namespace {

using nlohmann::json;
using test_support::anonymous;
using test_support::FakeGraceDb;
using test_support::message_of;
using test_support::root_document;
using test_support::TestReply;
using test_support::TestRequest;
using test_support::TestServer;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string service = "https://gracedb.ligo.org/api/";

ApiRoot make_root(json document = root_document(service, "v2")) {
  return {std::move(document), service + "v2/", parse_service_url(service)};
}

CreateEventOptions event() { return {.group = "CBC", .pipeline = "gstlal", .filename = "coinc.xml"}; }

std::string fault_of(const CreateEventOptions& options) {
  return message_of<std::invalid_argument>([&] { make_root().check_event(options); });
}

TEST(ApiRoot, ExpandsItsTemplates) {
  const ApiRoot root = make_root();
  EXPECT_EQ(root.link("events"), service + "v2/events/");
  EXPECT_EQ(root.expand("event-upload-template", {{"graceid", "T0001"}}),
            service + "v2/events/T0001/upload/");
}

TEST(ApiRoot, NamesAMissingTemplate) {
  json document = root_document(service, "v2");
  document["templates"].erase("event-reserve-template");
  EXPECT_THAT(message_of<HttpError>([&] { make_root(document).expand("event-reserve-template", {}); }),
              AllOf(HasSubstr("does not offer 'event-reserve-template'"), HasSubstr("2.36.0")));
}

TEST(ApiRoot, RejectsLinksToAnotherHost) {
  json document = root_document(service, "v2");
  document["links"]["events"] = "https://evil.org/events/";
  document["templates"]["event-detail-template"] = "http://gracedb.ligo.org/events/{graceid}";
  const ApiRoot root = make_root(document);
  EXPECT_THAT(message_of<HttpError>([&] { root.link("events"); }),
              HasSubstr("links to another server, https://evil.org"));
  EXPECT_THAT(message_of<HttpError>([&] {
                root.expand("event-detail-template", {{"graceid", "T0001"}});
              }),
              HasSubstr("links to another server, http://gracedb.ligo.org"));
}

TEST(ApiRoot, AcceptsAnEventWithKnownValues) {
  CreateEventOptions options = event();
  options.search = "AllSky";
  options.labels = {"INJ", "DQV"};
  EXPECT_NO_THROW(make_root().check_event(options));
}

TEST(ApiRoot, NamesUnknownAndKnownValues) {
  CreateEventOptions options = event();
  options.group = "GRB";
  EXPECT_THAT(fault_of(options), AllOf(HasSubstr("unknown group 'GRB'"), HasSubstr("CBC, Burst, Test")));
  options = event();
  options.pipeline = "GstLAL";
  EXPECT_THAT(fault_of(options),
              AllOf(HasSubstr("unknown pipeline 'GstLAL'"), HasSubstr("did you mean 'gstlal'?")));
  options = event();
  options.search = "Nothing";
  EXPECT_THAT(fault_of(options), HasSubstr("unknown search 'Nothing'"));
  options = event();
  options.labels = {"INJ", "FUN"};
  EXPECT_THAT(fault_of(options), HasSubstr("unknown label 'FUN'"));
}

TEST(ApiRoot, SkipsChecksThatTheServerHasNoListFor) {
  json document = root_document(service, "v2");
  document.erase("searches");
  CreateEventOptions options = event();
  options.search = "Nothing";
  EXPECT_NO_THROW(make_root(document).check_event(options));
}

TEST(ApiRootCache, FetchesOnceForAllThreads) {
  const FakeGraceDb server;
  Session session(anonymous(server.service_url()));
  ApiRootCache cache(session, "v2");
  std::vector<std::future<const ApiRoot*>> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.push_back(std::async(std::launch::async, [&] { return &cache.get(); }));
  }
  for (auto& thread : threads) {
    EXPECT_EQ(thread.get(), &cache.get());
  }
  EXPECT_EQ(server.all_requests().size(), 1U);
  EXPECT_EQ(server.all_requests().at(0).path, "/api/v2/");
}

TEST(ApiRootCache, FetchesAgainAfterAFailure) {
  std::atomic<bool> is_down{true};
  const TestServer server([&](const TestRequest& request) {
    if (is_down) return TestReply{.status = 500};
    return TestReply{.body = root_document("http://" + request.headers.at("host") + "/api/", "v2").dump()};
  });
  Session session(anonymous(server.url("/api/")));
  ApiRootCache cache(session, "v2");
  EXPECT_THROW(cache.get(), HttpError);
  is_down = false;
  EXPECT_NO_THROW(cache.get());
}

TEST(ApiRootCache, NamesTheAvailableVersions) {
  const FakeGraceDb server;
  Session session(anonymous(server.service_url()));
  EXPECT_THAT(message_of<std::invalid_argument>([&] { ApiRootCache(session, "v7").get(); }),
              AllOf(HasSubstr("no API version 'v7'"), HasSubstr("default, v1, v2")));
}

TEST(ApiRootCache, SuggestsCheckingTheServiceUrlAfter404) {
  const TestServer server([](const TestRequest&) { return TestReply{.status = 404, .body = "nothing"}; });
  Session session(anonymous(server.url("/wrong/")));
  EXPECT_THAT(message_of<HttpError>([&] { ApiRootCache(session, "v2").get(); }),
              AllOf(HasSubstr("404 Not Found"), HasSubstr("check the id and the service URL")));
}

TEST(ApiRootCache, RejectsAPageThatIsNotAnApiRoot) {
  const TestServer server([](const TestRequest&) {
    return TestReply{.body = "<html>Welcome</html>", .content_type = "text/html"};
  });
  Session session(anonymous(server.url("/")));
  EXPECT_THAT(message_of<HttpError>([&] { ApiRootCache(session, "default").get(); }),
              HasSubstr("not the API root of a GraceDB"));
}

TEST(ApiRoot, RejectsUnusableLinks) {
  json document = root_document(service, "v2");
  document["links"]["events"] = "/events/";
  document["links"]["self"] = std::string("https://gracedb.ligo.org\0.evil.org/", 35);
  document["templates"]["event-detail-template"] = service + "{no_such_name}";
  const ApiRoot root = make_root(document);
  EXPECT_THROW(root.link("events"), HttpError);
  EXPECT_THROW(root.link("self"), HttpError);
  EXPECT_THAT(message_of<HttpError>([&] { root.expand("event-detail-template", {}); }),
              HasSubstr("unknown name 'no_such_name'"));
}

TEST(ApiRoot, ToleratesValuesOfTheWrongType) {
  const ApiRoot root = make_root({{"links", json::array()},
                                  {"templates", 7},
                                  {"server-version", 2.36},
                                  {"groups", {1, nullptr, json::array({"CBC"})}},
                                  {"pipelines", json::object()}});
  EXPECT_THROW(root.link("events"), HttpError);
  EXPECT_THROW(root.expand("event-reserve-template", {}), HttpError);
  EXPECT_THROW(root.check_event(event()), std::invalid_argument);
}

/// A server that answers 404 for the version and `document` for the service.
TestServer::Handler only_root(std::string document) {
  return [document = std::move(document)](const TestRequest& request) {
    return request.path == "/api/" ? TestReply{.body = document} : TestReply{.status = 404};
  };
}

TEST(ApiRootCache, SurvivesDeeplyNestedVersions) {
  const std::string deep = std::string(60'000, '[') + std::string(60'000, ']');
  const TestServer server(only_root(R"({"links": {}, "api-versions": )" + deep + "}"));
  Session session(anonymous(server.url("/api/")));
  EXPECT_THAT(message_of<HttpError>([&] { ApiRootCache(session, "v2").get(); }), HasSubstr("404"));
}

TEST(ApiRootCache, ToleratesVersionsOfTheWrongType) {
  for (const char* versions : {"null", "7", R"("v1")", R"({"v1": "v1"})", "[1, [2], null]"}) {
    const TestServer server(only_root(fmt::format(R"({{"links": {{}}, "api-versions": {}}})", versions)));
    Session session(anonymous(server.url("/api/")));
    EXPECT_THAT(message_of<std::invalid_argument>([&] { ApiRootCache(session, "v2").get(); }),
                HasSubstr("only \"default\""))
        << versions;
  }
}

}  // namespace
}  // namespace gracedb::rest
