#include "rest/session.hpp"

#include "gracedb/interruption.hpp"

#include "fake_gracedb.hpp"
#include "support/breaking_server.hpp"
#include "support/fake_certificate.hpp"
#include "support/fake_token.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;
using test_support::anonymous;
using test_support::BreakingServer;
using test_support::environment_of;
using test_support::fake_certificate;
using test_support::fake_token;
using test_support::message_of;
using test_support::TemporaryDirectory;
using test_support::TestReply;
using test_support::TestRequest;
using test_support::TestServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

HttpRequest get(std::string url) { return {.method = Method::get, .url = std::move(url)}; }

HttpRequest upload(std::string url, std::string_view contents, bool repeatable) {
  return {
      .method = Method::post,
      .url = std::move(url),
      .body =
          Multipart{.fields = {{"group", "Test"}},
                    .file = FilePart{.field = "eventFile", .file_name = "coinc.xml", .contents = contents}},
      .repeatable = repeatable};
}

/// Answers with these replies one after the other, then with 200.
TestServer::Handler statuses(std::vector<TestReply> replies) {
  auto next = std::make_shared<std::atomic<std::size_t>>(0);
  return [replies = std::move(replies), next](const TestRequest&) {
    const std::size_t number = (*next)++;
    return number < replies.size() ? replies[number] : TestReply{};
  };
}

TEST(Session, ReusesItsConnection) {
  const TestServer server([](const TestRequest&) { return TestReply{}; });
  Session session(anonymous(server.url()));
  for (int i = 0; i < 20; ++i) {
    session.send(get(server.url("/x")));
  }
  std::set<int> ports;
  for (const auto& request : server.requests()) {
    ports.insert(request.remote_port);
  }
  EXPECT_EQ(server.requests().size(), 20U);
  EXPECT_EQ(ports.size(), 1U);
}

TEST(Session, IsThreadSafe) {
  const TestServer server(
      [](const TestRequest& request) { return TestReply{.body = request.parameter("n")}; });
  Session session(anonymous(server.url()));
  std::vector<std::future<bool>> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.push_back(std::async(std::launch::async, [&session, &server, thread] {
      for (int i = 0; i < 25; ++i) {
        const std::string number = std::to_string(100 * thread + i);
        if (session.send(get(server.url("/x?n=" + number))).body != number) return false;
      }
      return true;
    }));
  }
  for (auto& thread : threads) {
    EXPECT_TRUE(thread.get());
  }
}

TEST(Session, SendsUserAgentAndNoExpectHeader) {
  const TestServer server([](const TestRequest&) { return TestReply{}; });
  Session session(anonymous(server.url()));
  const std::string big(3'000'000, 'x');
  const auto start = std::chrono::steady_clock::now();
  session.send(upload(server.url("/x"), big, true));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms);
  const auto request = server.requests().at(0);
  EXPECT_THAT(request.headers.at("user-agent"), ::testing::StartsWith("gracedb-kafka/"));
  EXPECT_EQ(request.headers.count("expect"), 0U);
  EXPECT_EQ(request.headers.count("authorization"), 0U);
}

TEST(Session, SendsAMultipartBodyByteForByte) {
  const TestServer server([](const TestRequest&) { return TestReply{.status = 201}; });
  Session session(anonymous(server.url()));
  std::string bytes;
  for (int i = 0; i < 200'000; ++i) {
    bytes += static_cast<char>(i * 31 / 7);
  }
  session.send(upload(server.url("/x"), bytes, false));
  const auto request = server.requests().at(0);
  const auto file = request.file("eventFile");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->content, bytes);
  EXPECT_EQ(file->file_name, "coinc.xml");
  EXPECT_EQ(file->content_type, "application/xml");
  EXPECT_THAT(request.field("group"), ::testing::ElementsAre("Test"));
}

TEST(Session, SendsFormsAndJson) {
  const TestServer server([](const TestRequest&) { return TestReply{}; });
  Session session(anonymous(server.url()));
  session.send(
      {.method = Method::post, .url = server.url("/form"), .body = Form{{{"a", "1 & 2"}, {"b", "ü="}}}});
  session.send({.method = Method::put, .url = server.url("/json"), .body = JsonText{"{}"}});
  session.send({.method = Method::remove, .url = server.url("/gone")});
  const auto requests = server.requests();
  EXPECT_EQ(requests.at(0).parameter("a"), "1 & 2");
  EXPECT_EQ(requests.at(0).parameter("b"), "ü=");
  EXPECT_EQ(requests.at(1).method, "PUT");
  EXPECT_EQ(requests.at(1).body, "{}");
  EXPECT_EQ(requests.at(1).headers.at("content-type"), "application/json");
  EXPECT_EQ(requests.at(2).method, "DELETE");
}

TEST(Session, ReturnsHeadersInLowerCase) {
  const TestServer server([](const TestRequest&) {
    return TestReply{
        .status = 201, .body = R"({"graceid": "T0001"})", .headers = {{"Location", "/events/T0001"}}};
  });
  Session session(anonymous(server.url()));
  const Response response = session.send(get(server.url("/x")));
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.reason, "Created");
  EXPECT_EQ(response.headers.at("location"), "/events/T0001");
  EXPECT_EQ(response.body, R"({"graceid": "T0001"})");
}

TEST(Retries, ContinueUntilSuccess) {
  const TestServer server(
      statuses({{.status = 502}, {.status = 503, .headers = {{"Retry-After", "0"}}}, {.status = 409}}));
  Session session(anonymous(server.url()));
  EXPECT_EQ(session.send(upload(server.url("/x"), "<xml/>", false)).status, 200);
  EXPECT_EQ(server.requests().size(), 4U);
  EXPECT_EQ(server.requests().back().file("eventFile").value().content, "<xml/>");
}

TEST(Retries, EndWithTheErrorOfTheLastAnswer) {
  const TestServer server([](const TestRequest&) { return TestReply{.status = 504}; });
  Session session(anonymous(server.url()));
  EXPECT_THAT(message_of<HttpError>([&] { session.send(get(server.url("/x"))); }),
              HasSubstr("504 Gateway Timeout"));
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(Retries, AreNotMadeAfter400) {
  const TestServer server(
      [](const TestRequest&) { return TestReply{.status = 400, .body = R"({"error": "no"})"}; });
  Session session(anonymous(server.url()));
  EXPECT_THROW(session.send(get(server.url("/x"))), HttpError);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Retries, AreNotMadeAfter503WithoutRetryAfter) {
  const TestServer server(
      [](const TestRequest&) { return TestReply{.status = 503, .body = "GraceDB is down"}; });
  Session session(anonymous(server.url()));
  EXPECT_THROW(session.send(get(server.url("/x"))), HttpError);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(BrokenConnection, IsRetriedForARepeatableRequest) {
  const BreakingServer server([](int number) { return number < 2 ? std::string() : ok_answer; });
  Session session(anonymous(server.url()));
  EXPECT_EQ(session.send(upload(server.url("/x"), std::string(100'000, 'x'), true)).body, "ok");
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST(BrokenConnection, IsNotRetriedIfTheRequestMayHaveBeenProcessed) {
  const BreakingServer server([](int) { return std::string(); });
  Session session(anonymous(server.url()));
  EXPECT_THAT(
      message_of<HttpConnectionError>([&] { session.send(upload(server.url("/x"), "<xml/>", false)); }),
      HasSubstr("may have processed the request"));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(BrokenConnection, IsNotRetriedByLibcurlEither) {
  // The second request uses a connection that has worked before: libcurl assumes that the server closed it
  // while it was idle.
  const BreakingServer server([](int number) { return number == 0 ? ok_answer : std::string(); });
  Session session(anonymous(server.url()));
  session.send(get(server.url("/first")));
  EXPECT_THROW(session.send(upload(server.url("/second"), "<xml/>", false)), HttpConnectionError);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(BrokenConnection, IsNotUsedAfterTheServerClosedIt) {
  BreakingServer server([](int) { return ok_answer; });
  server.hang_up_after_answers();
  Session session(anonymous(server.url()));
  session.send(get(server.url("/first")));
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (server.ended() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(session.send(upload(server.url("/second"), "<xml/>", false)).body, "ok");
}

TEST(BrokenConnection, IsReplacedForARepeatableRequestAfterIdling) {
  const BreakingServer server([](int number) { return number == 1 ? std::string() : ok_answer; });
  Session session(anonymous(server.url()));
  session.send(get(server.url("/first")));
  EXPECT_EQ(session.send(upload(server.url("/second"), std::string(100'000, 'x'), true)).body, "ok");
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.requests().at(1), server.requests().at(2));
}

TEST(Unreachable, IsRetriedAndReportedWithHostAndReason) {
  std::string url;
  {
    const TestServer gone([](const TestRequest&) { return TestReply{}; });
    url = gone.url();
  }
  Session session(anonymous(url));
  const std::string message = message_of<HttpConnectionError>([&] { session.send(upload(url, "x", false)); });
  EXPECT_THAT(message, AllOf(HasSubstr("could not connect to 127.0.0.1:"), HasSubstr("Connection refused"),
                             HasSubstr("(4 tries in")));
}

TEST(Unreachable, NamesAnUnknownHost) {
  GraceDbOptions options = anonymous("http://no-such-host.invalid/api/");
  options.retry.tries = 0;
  Session session(options);
  EXPECT_THAT(message_of<HttpConnectionError>([&] { session.send(get(options.service_url)); }),
              HasSubstr("no such host: no-such-host.invalid"));
}

TEST(Timeout, EndsAnUnansweredRequest) {
  std::promise<void> released;
  const auto release = released.get_future().share();
  const BreakingServer server([release](int) {
    release.wait_for(10s);
    return std::string();
  });
  GraceDbOptions options = anonymous(server.url());
  options.timeout = 50ms;
  options.retry.tries = 0;
  Session session(options);
  const auto start = std::chrono::steady_clock::now();
  const std::string message =
      message_of<HttpConnectionError>([&] { session.send(get(server.url("/slow"))); });
  const auto taken = std::chrono::steady_clock::now() - start;
  released.set_value();
  EXPECT_THAT(message, AllOf(HasSubstr("no answer in time to GET"), HasSubstr("/slow")));
  EXPECT_LT(taken, 2s);
}

class Tls : public ::testing::Test {
 protected:
  static TestReply greet(const TestRequest&) { return {.body = "hello"}; }

  TemporaryDirectory directory_;
  std::string certificate_ = directory_.write("server.pem", fake_certificate(1h));
};

TEST_F(Tls, TrustsTheGivenCaCertificate) {
  const TestServer server(greet, certificate_);
  GraceDbOptions options = anonymous(server.url());
  options.ca_cert_path = certificate_;
  Session session(options);
  EXPECT_EQ(session.send(get(server.url("/x"))).body, "hello");
}

TEST_F(Tls, RejectsOtherCaCertificatesAndNamesTheRemedy) {
  const TestServer server(greet, certificate_);
  Session session(anonymous(server.url()));
  const std::string message = message_of<HttpConnectionError>([&] { session.send(get(server.url("/x"))); });
  EXPECT_THAT(message, AllOf(HasSubstr("no trusted connection to localhost:"),
                             HasSubstr("check the certificates"), Not(HasSubstr("tries"))));
}

TEST_F(Tls, ChecksTheHostNameInTheCertificate) {
  const TestServer server(greet, certificate_);
  GraceDbOptions options = anonymous("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  options.ca_cert_path = certificate_;
  Session session(options);
  EXPECT_THAT(message_of<HttpConnectionError>([&] { session.send(get(options.service_url)); }),
              HasSubstr("no trusted connection to 127.0.0.1:"));
}

TEST_F(Tls, PresentsTheClientCertificate) {
  const std::string mine = directory_.write("mine.pem", fake_certificate(1h));
  const TestServer server(greet, certificate_, mine);
  GraceDbOptions options = anonymous(server.url());
  options.ca_cert_path = certificate_;
  options.retry.tries = 0;
  EXPECT_THROW(Session(options).send(get(server.url("/x"))), HttpConnectionError);
  options.force_noauth = false;
  options.cred = Certificate{mine, mine};
  EXPECT_EQ(Session(options).send(get(server.url("/x"))).body, "hello");
}

TEST_F(Tls, ReportsAServerWithoutTls) {
  const TestServer server(greet);
  GraceDbOptions options = anonymous("https://localhost:" + std::to_string(server.port()) + "/");
  options.retry.tries = 0;
  Session session(options);
  EXPECT_THAT(message_of<HttpConnectionError>([&] { session.send(get(options.service_url)); }),
              HasSubstr("could not connect to localhost:"));
}

/// Interrupts a request after 150 ms and returns how long it took to end.
std::chrono::steady_clock::duration time_to_end(Session& session, const HttpRequest& request) {
  struct Stop : std::exception {};
  const auto due = std::chrono::steady_clock::now() + 150ms;
  Interruptible interruptible([&] {
    if (std::chrono::steady_clock::now() >= due) throw Stop();
  });
  EXPECT_THROW(session.send(request), Stop);
  return std::chrono::steady_clock::now() - due;
}

TEST(Interruption, EndsAnUnansweredRequest) {
  std::promise<void> over;
  BreakingServer server([&](int) { return over.get_future().wait(), std::string(); });
  Session session(anonymous(server.url()));
  EXPECT_LT(time_to_end(session, get(server.url())), 200ms);
  over.set_value();
}

TEST(Interruption, EndsTheWaitBeforeARetry) {
  const TestServer server(statuses({{.status = 503, .headers = {{"Retry-After", "20"}}}}));
  GraceDbOptions options = anonymous(server.url());
  options.retry = {};
  Session session(options);
  EXPECT_LT(time_to_end(session, get(server.url())), 200ms);
}

TEST(Interruption, LeavesTheSessionUsable) {
  std::promise<void> over;
  const std::shared_future<void> is_over = over.get_future().share();
  BreakingServer server([&](int number) {
    if (number > 0) return ok_answer;
    is_over.wait();
    return std::string();
  });
  Session session(anonymous(server.url()));
  time_to_end(session, get(server.url()));
  over.set_value();
  EXPECT_EQ(session.send(get(server.url())).body, "ok");
}

TEST(SessionOptions, AreChecked) {
  GraceDbOptions options = anonymous("https://gracedb.ligo.org/api/");
  options.ca_cert_path = "/no/such/ca.pem";
  EXPECT_THAT(message_of<std::invalid_argument>([&] { Session session(options); }),
              HasSubstr("cannot read ca_cert_path /no/such/ca.pem"));
  options = anonymous("https://gracedb.ligo.org/api/");
  options.timeout = 0ms;
  EXPECT_THROW(Session session(options), std::invalid_argument);
}

class WithToken : public ::testing::Test {
 protected:
  static std::string make_token(std::chrono::seconds lifetime) {
    return fake_token("https://127.0.0.1", "gracedb.read", std::chrono::system_clock::now() + lifetime);
  }

  GraceDbOptions options(const std::string& url) {
    return {.service_url = url, .retry = test_support::quick_retries()};
  }

  auth::Environment environment() {
    auto made = environment_of({{"BEARER_TOKEN_FILE", path_}});
    made.user = getuid();
    return made;
  }

  TemporaryDirectory directory_;
  std::string token_ = make_token(1h);
  std::string path_ = directory_.write("token", token_);
};

TEST_F(WithToken, SendsABearerToken) {
  const TestServer server([](const TestRequest&) { return TestReply{}; });
  Session session(options(server.url()), environment());
  session.send(get(server.url("/x")));
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer " + token_);
}

TEST_F(WithToken, FollowsARedirectOnTheSameHost) {
  const TestServer server([](const TestRequest& request) {
    if (request.path == "/new") return TestReply{.body = "here"};
    return TestReply{.status = 302, .headers = {{"Location", "/new"}}};
  });
  Session session(options(server.url()), environment());
  EXPECT_EQ(session.send(get(server.url("/old"))).body, "here");
  EXPECT_EQ(server.requests().at(1).headers.at("authorization"), "Bearer " + token_);
}

TEST_F(WithToken, NeverFollowsARedirectToAnotherHost) {
  const TestServer other([](const TestRequest&) { return TestReply{}; });
  const TestServer server([&](const TestRequest&) {
    return TestReply{.status = 307, .headers = {{"Location", other.url("/steal")}}};
  });
  Session session(options(server.url()), environment());
  EXPECT_THAT(message_of<HttpError>([&] { session.send(get(server.url("/x"))); }),
              HasSubstr("redirect to another server, 127.0.0.1:" + std::to_string(other.port())));
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(WithToken, FollowsARedirectOfAPostOnlyIfItStaysAPost) {
  const TestServer server([](const TestRequest& request) {
    if (request.path == "/new") return TestReply{.status = 201};
    return TestReply{.status = request.path == "/moved" ? 308 : 302, .headers = {{"Location", "/new"}}};
  });
  Session session(options(server.url()), environment());
  EXPECT_EQ(session.send(upload(server.url("/moved"), "<xml/>", false)).status, 201);
  EXPECT_EQ(server.requests().back().method, "POST");
  EXPECT_EQ(server.requests().back().file("eventFile").value().content, "<xml/>");
  EXPECT_THAT(message_of<HttpError>([&] { session.send(upload(server.url("/found"), "<xml/>", false)); }),
              HasSubstr("would drop the request body"));
}

TEST_F(WithToken, GivesUpAfterTooManyRedirects) {
  const TestServer server([](const TestRequest&) {
    return TestReply{.status = 302, .headers = {{"Location", "/again"}}};
  });
  Session session(options(server.url()), environment());
  EXPECT_THAT(message_of<HttpError>([&] { session.send(get(server.url("/again"))); }),
              HasSubstr("too many redirects"));
  EXPECT_EQ(server.requests().size(), 6U);
}

TEST_F(WithToken, RetriesOnceWithANewTokenAfter403) {
  const std::string renewed = make_token(2h);
  const TestServer server([&](const TestRequest& request) {
    if (request.headers.at("authorization") == "Bearer " + renewed) return TestReply{.body = "welcome"};
    directory_.write("token", renewed);
    return TestReply{.status = 403};
  });
  Session session(options(server.url()), environment());
  EXPECT_EQ(session.send(upload(server.url("/x"), "<xml/>", false)).body, "welcome");
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(WithToken, ReportsARefusalWithoutTheToken) {
  const TestServer server([](const TestRequest& request) {
    return TestReply{.status = 403, .body = "not welcome: " + request.headers.at("authorization")};
  });
  Session session(options(server.url()), environment());
  const std::string message = message_of<HttpError>([&] { session.send(get(server.url("/x"))); });
  EXPECT_THAT(message,
              AllOf(HasSubstr("GraceDB refused GET http://127.0.0.1"), HasSubstr("403 Forbidden"),
                    HasSubstr("the token of albert.einstein@ligo.org was sent"), HasSubstr("htgettoken")));
  EXPECT_THAT(message, Not(HasSubstr(token_)));
  EXPECT_EQ(server.requests().size(), 1U) << "no retry with an unchanged token";
}

TEST_F(WithToken, BypassesTheProxyForALoopbackAddress) {
  const TestServer proxy([](const TestRequest&) { return TestReply{.body = "proxy"}; });
  const TestServer server([](const TestRequest&) { return TestReply{.body = "server"}; });
  ASSERT_EQ(setenv("http_proxy", proxy.url().c_str(), 1), 0);
  Session session(options(server.url()), environment());
  EXPECT_EQ(session.send(get(server.url("/x"))).body, "server");
  unsetenv("http_proxy");
  EXPECT_TRUE(proxy.requests().empty());
}

}  // namespace
}  // namespace gracedb::rest
