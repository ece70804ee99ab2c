#include "supervisor/status_server.hpp"

#include "supervisor/status_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <string>
#include <string_view>
#include <thread>

namespace gracedb::supervisor {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

EventRecord event(const std::string& graceid) {
  return {.outcome = Outcome::uploaded, .graceid = graceid, .topic = "gracedb.gstlal", .attempts = 1};
}

void make_well(Monitor& monitor) {
  for (const Check check : {Check::partitions, Check::gracedb, Check::token})
    monitor.health().set(check, true, "well");
}

class StatusServerTest : public ::testing::Test {
 protected:
  httplib::Client client(const StatusServer& server) {
    httplib::Client made("127.0.0.1", server.address().port);
    made.set_read_timeout(seconds(30));
    return made;
  }

  std::string get(const StatusServer& server, const char* path, int status = 200) {
    const auto answer = client(server).Get(path);
    EXPECT_TRUE(answer) << path;
    if (!answer) return {};
    EXPECT_EQ(answer->status, status) << path << ": " << answer->body;
    return answer->body;
  }

  Monitor monitor_;
};

TEST_F(StatusServerTest, ListensOnTheLoopbackAddressUnlessToldOtherwise) {
  const StatusServer server({}, monitor_);
  EXPECT_EQ(server.address().host, "127.0.0.1");
  EXPECT_GT(server.address().port, 0);
}

TEST_F(StatusServerTest, GivesTheMetrics) {
  const StatusServer server({}, monitor_);
  monitor_.settled(event("T0001"));
  EXPECT_THAT(get(server, "/metrics"), HasSubstr("gracedb_supervisor_messages_total"));
}

TEST_F(StatusServerTest, IsReadyOnceAllChecksAreGreen) {
  const StatusServer server({}, monitor_);
  EXPECT_THAT(get(server, "/readyz", 503), HasSubstr("not ready: partitions: "));
  make_well(monitor_);
  EXPECT_EQ(get(server, "/readyz"), "ready\n");
  EXPECT_THAT(get(server, "/readyz?verbose"), HasSubstr("[+] gracedb: well\n"));
}

TEST_F(StatusServerTest, IsAliveWhileTheLoopTurns) {
  const StatusServer server({.longest_quiet = milliseconds(300)}, monitor_);
  monitor_.turned(0, 0);
  EXPECT_THAT(get(server, "/livez"), HasSubstr("alive"));
  while (client(server).Get("/livez")->status == 200)
    std::this_thread::yield();
  EXPECT_THAT(get(server, "/livez", 503), HasSubstr("stuck"));
  monitor_.turned(0, 0);
  EXPECT_THAT(get(server, "/livez"), HasSubstr("alive"));
}

TEST_F(StatusServerTest, SendsAPageThatCanRunNothingButItself) {
  const StatusServer server({}, monitor_);
  const auto answer = client(server).Get("/");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("<!doctype html>"));
  const std::string policy = answer->get_header_value("Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(answer->get_header_value("X-Content-Type-Options"), "nosniff");
}

TEST_F(StatusServerTest, NamesItsPagesWhereAskedForAnother) {
  const StatusServer server({}, monitor_);
  EXPECT_THAT(get(server, "/etc/passwd", 404), HasSubstr("/metrics"));
  const auto posted = client(server).Post("/metrics", "x", "text/plain");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 404);
}

TEST_F(StatusServerTest, GivesTheStatusAsJson) {
  const StatusServer server({.identity = {.instance_name = "gracedb"}}, monitor_);
  monitor_.settled(event("T0001"));
  const json document = json::parse(get(server, "/status.json"));
  EXPECT_EQ(document["instance"], "gracedb");
  EXPECT_EQ(document["alive"], true);
  EXPECT_EQ(document["events"].at(0)["graceid"], "T0001");
}

TEST_F(StatusServerTest, TellsViewersOfEachEventOnce) {
  const StatusServer server({}, monitor_);
  monitor_.settled(event("T0001"));
  std::string stream;
  const auto answer = client(server).Get("/events", [&](const char* data, std::size_t size) {
    if (stream.empty()) monitor_.settled(event("T0002"));
    stream.append(data, size);
    return stream.find("T0002") == std::string::npos;
  });
  EXPECT_THAT(stream, ::testing::StartsWith("id: "));
  EXPECT_EQ(stream.find("T0001"), stream.rfind("T0001"));
  EXPECT_EQ(stream.find("T0002"), stream.rfind("T0002"));
}

TEST_F(StatusServerTest, GoesOnWhereAViewerHadStopped) {
  const auto started = std::chrono::system_clock::now();
  const StatusServer server({.identity = {.started = started}}, monitor_);
  monitor_.settled(event("T0001"));
  monitor_.settled(event("T0002"));
  const auto ms = std::chrono::duration_cast<milliseconds>(started.time_since_epoch()).count();
  const auto first_message = [&](const std::string& last_seen) {
    std::string stream;
    client(server).Get("/events", {{"Last-Event-ID", last_seen}}, [&](const char* data, std::size_t size) {
      stream.append(data, size);
      return stream.find("\n\n") == std::string::npos;
    });
    return stream;
  };
  const std::string after_first = first_message(std::to_string(ms) + "-1");
  EXPECT_THAT(after_first, Not(HasSubstr("T0001")));
  EXPECT_THAT(after_first, HasSubstr("T0002"));
  EXPECT_THAT(first_message("1-2"), HasSubstr("T0001")) << "of another process";
}

TEST_F(StatusServerTest, TurnsAwayMoreViewersThanItHasSeatsFor) {
  const StatusServer server({.most_viewers = 1}, monitor_);
  std::latch is_seated(1);
  std::atomic<bool> may_leave = false;
  std::thread viewer([&] {
    bool is_first = true;
    client(server).Get("/events", [&](const char*, std::size_t) {
      if (std::exchange(is_first, false)) is_seated.count_down();
      return !may_leave;
    });
  });
  is_seated.wait();
  EXPECT_THAT(get(server, "/events", 503), HasSubstr("too many viewers"));
  EXPECT_THAT(get(server, "/livez"), HasSubstr("alive"));
  may_leave = true;
  viewer.join();
  const auto is_let_in = [&] {
    int status = 0;
    client(server).Get(
        "/events", {},
        [&](const httplib::Response& response) {
          status = response.status;
          return false;
        },
        [](const char*, std::size_t) { return false; });
    return status == 200;
  };
  while (!is_let_in())
    std::this_thread::yield();
}

TEST_F(StatusServerTest, HoldsUpNobodyForAViewerWhoDoesNotRead) {
  const StatusServer server({}, monitor_);
  std::promise<void> done;
  std::atomic<bool> is_there = false;
  std::thread viewer([&] {
    client(server).Get("/events", [&](const char*, std::size_t) {
      is_there = true;
      done.get_future().wait();
      return false;
    });
  });
  while (!is_there)
    std::this_thread::yield();
  for (int i = 0; i < 10'000; ++i)
    monitor_.settled(event("T" + std::to_string(i)));
  EXPECT_EQ(monitor_.picture().settled.at(Outcome::uploaded), 10'000U);
  EXPECT_THAT(get(server, "/metrics"), HasSubstr("gracedb_supervisor_messages_total"));
  done.set_value();
  viewer.join();
}

TEST_F(StatusServerTest, EndsWhileAPageIsOpen) {
  auto server = std::make_unique<StatusServer>(StatusServerOptions{}, monitor_);
  const int port = server->address().port;
  std::latch is_there(1);
  std::thread viewer([&] {
    bool is_first = true;
    httplib::Client("127.0.0.1", port).Get("/events", [&](const char*, std::size_t) {
      if (std::exchange(is_first, false)) is_there.count_down();
      return true;
    });
  });
  is_there.wait();
  server.reset();
  viewer.join();
}

TEST(ContentPolicy, AllowsTheStyleAndTheScriptOfThePageByTheirHashes) {
  const std::string policy = content_policy("<style>a{}</style><script>b()</script>");
  EXPECT_THAT(policy, HasSubstr("style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='")) << policy;
  EXPECT_NE(content_policy("<style>a{}</style><script>c()</script>"), policy);
  EXPECT_THROW(content_policy("<p>nothing</p>"), std::invalid_argument);
}

TEST(StatusPage, NeedsNothingFromElsewhere) {
  for (const char* outside :
       {"src=\"", "@import", "url(", "https://", "innerHTML", "insertAdjacentHTML", "eval("})
    EXPECT_EQ(status_page.find(outside), std::string_view::npos) << outside;
}

}  // namespace
}  // namespace gracedb::supervisor
