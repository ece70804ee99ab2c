#include "gracedb/rest/gracedb.hpp"

#include "fake_gracedb.hpp"
#include "support/test_server.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;
using test_support::anonymous;
using test_support::FakeGraceDb;
using test_support::root_document;
using test_support::TestReply;
using test_support::TestRequest;
using test_support::TestServer;

/// A producer for an unreachable broker.
kafka::Producer producer_of(const GraceDb& client) {
  return client.create_kafka_producer({.bootstrap_servers = "127.0.0.1:1",
                                       .validate_token = false,
                                       .check_for_topics = false,
                                       .kafka_config = {{"security.protocol", "plaintext"}}});
}

template <typename Condition>
bool soon(Condition condition) {
  for (const auto end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

std::size_t count(const std::vector<TestRequest>& requests, std::string_view method) {
  return static_cast<std::size_t>(std::count_if(requests.begin(), requests.end(),
                                                [&](const auto& each) { return each.method == method; }));
}

TEST(WarmConnection, FetchesTheApiRootInTheBackground) {
  const FakeGraceDb server;
  const GraceDb client(anonymous(server.service_url()));
  EXPECT_TRUE(server.all_requests().empty());
  const kafka::Producer producer = producer_of(client);
  EXPECT_TRUE(soon([&] { return count(server.all_requests(), "GET") == 1; }));
}

/// Serves the API root and closes the connection.
TestReply answer_once(const TestRequest& request) {
  const std::string service = "http://" + request.headers.at("host") + "/api/";
  return {.body = root_document(service, "v2").dump(), .headers = {{"Connection", "close"}}};
}

TEST(WarmConnection, ReconnectsWithoutCredentialsAfterTheServerClosedIt) {
  const TestServer server(answer_once);
  const GraceDb client(anonymous(server.url("/api/")));
  const kafka::Producer producer = producer_of(client);
  EXPECT_TRUE(soon([&] { return count(server.requests(), "HEAD") >= 2; }));
  for (const TestRequest& request : server.requests())
    EXPECT_FALSE(request.headers.contains("authorization"));
}

TEST(WarmConnection, DoesNotReconnectWithoutKeepWarm) {
  const TestServer server(answer_once);
  GraceDbOptions options = anonymous(server.url("/api/"));
  options.keep_warm = false;
  const GraceDb client(options);
  const kafka::Producer producer = producer_of(client);
  ASSERT_TRUE(soon([&] { return count(server.requests(), "GET") == 1; }));

  // After another client has reconnected, this one would have reconnected, too.
  const TestServer other_server(answer_once);
  const GraceDb other(anonymous(other_server.url("/api/")));
  const kafka::Producer other_producer = producer_of(other);
  ASSERT_TRUE(soon([&] { return count(other_server.requests(), "HEAD") >= 2; }));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(WarmConnection, DoesNotDelayDestructionIfTheServerHangs) {
  std::promise<void> end;
  std::promise<void> asked;
  const TestServer server([&, ended = end.get_future().share()](const TestRequest&) {
    asked.set_value();
    ended.wait();
    return TestReply{};
  });
  std::optional<GraceDb> client(anonymous(server.url("/api/")));
  {
    const kafka::Producer producer = producer_of(*client);
    asked.get_future().wait();
  }
  const auto start = std::chrono::steady_clock::now();
  client.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  end.set_value();
}

}  // namespace
}  // namespace gracedb::rest
