#include "supervisor/http_uploader.hpp"

#include "support/fake_machine.hpp"
#include "support/fake_token.hpp"
#include "support/test_server.hpp"
#include "unit/rest/fake_gracedb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gracedb::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test_support::FakeGraceDb;
using test_support::TestReply;
using test_support::TestRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr seconds patience{30};
const TestReply created{.status = 201, .body = R"({"graceid":"T0001"})"};

UploadOrder order(MessageId id, const std::string& graceid = "T0001") {
  UploadOrder made{.id = id, .upload = {.graceid = graceid, .event = {}}, .topic = "gracedb-test.gstlal"};
  made.upload.event.message.file_name = "coinc.xml";
  made.upload.event.message.labels = {{"EM_READY", "INJ"}};
  made.upload.event.contents = "an event";
  return made;
}

HttpUploaderOptions options(const std::string& service_url) {
  return {.gracedb = test_support::anonymous(service_url),
          .kafka_server = "kafka.ligo.org:9092",
          .most_connections = 8,
          .backoff = milliseconds(1),
          .longest_backoff = milliseconds(5)};
}

/// The next `count` results, or fewer if they do not come in time.
std::vector<UploadResult> wait_for(ResultQueue& queue, std::size_t count) {
  std::vector<UploadResult> results;
  while (results.size() < count && queue.wait(patience)) {
    for (UploadResult& result : queue.take())
      results.push_back(std::move(result));
  }
  return results;
}

CheckState state_of(const HttpUploaderOptions& options, Check check) {
  for (CheckState& state : options.monitor->health().checks()) {
    if (state.check == check) return state;
  }
  return {};
}

bool becomes(const HttpUploaderOptions& options, Check check, bool is_ok) {
  const auto deadline = steady_clock::now() + patience;
  while (state_of(options, check).is_ok != is_ok && steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(2));
  return state_of(options, check).is_ok == is_ok;
}

class HttpUploaderTest : public ::testing::Test {
 protected:
  static HttpUploaderOptions with_token(const FakeGraceDb& server, test_support::FakeMachine& machine) {
    const auto expires = machine.now() + std::chrono::hours(1);
    const auto file = machine.write("token", test_support::fake_token("ANY", "gracedb.read", expires));
    machine.variables["BEARER_TOKEN_FILE"] = file.native();
    HttpUploaderOptions made = options(server.service_url());
    made.gracedb.force_noauth = false;
    made.environment = machine.environment();
    return made;
  }

  ResultQueue results_{[] {}};
};

TEST_F(HttpUploaderTest, SendsTheFileWithItsLabelsAndItsWay) {
  const FakeGraceDb server([](const TestRequest&) { return created; });
  HttpUploader uploader(options(server.service_url()), results_);
  uploader.submit(order(7));
  const auto results = wait_for(results_, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].id, 7U);
  EXPECT_EQ(results[0].verdict, Verdict::done);
  EXPECT_EQ(results[0].attempts, 1);

  ASSERT_EQ(server.requests().size(), 1U);
  const TestRequest request = server.requests()[0];
  EXPECT_EQ(request.path, "/api/v2/events/T0001/upload/");
  ASSERT_TRUE(request.file("eventFile"));
  EXPECT_EQ(request.file("eventFile")->file_name, "coinc.xml");
  EXPECT_EQ(request.file("eventFile")->content, "an event");
  EXPECT_THAT(request.field("graceid"), ElementsAre("T0001"));
  EXPECT_THAT(request.field("labels"), ElementsAre("EM_READY", "INJ"));
  EXPECT_THAT(request.field("kafka_server"), ElementsAre("kafka.ligo.org:9092"));
  EXPECT_THAT(request.field("kafka_topic"), ElementsAre("gracedb-test.gstlal"));
}

TEST_F(HttpUploaderTest, DoesNotTryAgainWhatIsRefused) {
  const FakeGraceDb server(
      [](const TestRequest&) { return TestReply{.status = 400, .body = R"({"error":"bad label"})"}; });
  HttpUploader uploader(options(server.service_url()), results_);
  uploader.submit(order(1));
  const auto results = wait_for(results_, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].verdict, Verdict::refused);
  EXPECT_THAT(results[0].reason, HasSubstr("bad label"));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HttpUploaderTest, TriesAgainUntilGraceDbTakesIt) {
  std::atomic<int> tries = 0;
  const FakeGraceDb server(
      [&](const TestRequest&) { return ++tries < 20 ? TestReply{.status = 500 + tries % 5} : created; });
  HttpUploader uploader(options(server.service_url()), results_);
  uploader.submit(order(1));
  const auto results = wait_for(results_, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].verdict, Verdict::done);
  EXPECT_EQ(results[0].attempts, 20);
}

TEST_F(HttpUploaderTest, WaitsAsLongAsGraceDbAsksFor) {
  std::vector<steady_clock::time_point> times;
  const FakeGraceDb server([&](const TestRequest&) {
    times.push_back(steady_clock::now());
    return times.size() == 1 ? TestReply{.status = 503, .headers = {{"Retry-After", "1"}}} : created;
  });
  HttpUploader uploader(options(server.service_url()), results_);
  uploader.submit(order(1));
  ASSERT_EQ(wait_for(results_, 1).size(), 1U);
  EXPECT_GE(times.at(1) - times.at(0), milliseconds(990));
}

TEST_F(HttpUploaderTest, WaitsForAGraceDbThatIsNotThereYet) {
  std::atomic<int> looks = 0;
  const test_support::TestServer server([&](const TestRequest& request) -> TestReply {
    if (request.path != "/api/v2/") return created;
    if (++looks == 1) return {.status = 503};
    if (looks == 2) return {.body = "<html>Down for maintenance</html>"};
    return {.body =
                test_support::root_document("http://" + request.headers.at("host") + "/api/", "v2").dump()};
  });
  HttpUploader uploader(options(server.url("/api/")), results_);
  uploader.submit(order(1));
  const auto results = wait_for(results_, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].attempts, 1);
}

TEST_F(HttpUploaderTest, LooksForAnotherTokenWhenItsOwnIsRefused) {
  test_support::FakeMachine machine;
  const auto expires = machine.now() + std::chrono::hours(1);
  const std::string revoked = test_support::fake_token("ANY", "gracedb.read", expires);
  const std::string valid = test_support::fake_token("ANY", "gracedb.read", expires + seconds(1));
  const std::filesystem::path file = machine.write("token", revoked);
  machine.variables["BEARER_TOKEN_FILE"] = file.native();
  std::atomic<int> refusals = 0;
  const FakeGraceDb server([&](const TestRequest& request) {
    if (request.headers.at("authorization") == "Bearer " + valid) return created;
    if (++refusals == 2) machine.write("token", valid);
    return TestReply{.status = 401};
  });
  HttpUploaderOptions with_token = options(server.service_url());
  with_token.gracedb.force_noauth = false;
  with_token.environment = machine.environment();
  HttpUploader uploader(with_token, results_);
  uploader.submit(order(1));
  const auto results = wait_for(results_, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].verdict, Verdict::done);
  EXPECT_EQ(results[0].attempts, 3);
}

TEST_F(HttpUploaderTest, UploadsSeveralEventsAtATime) {
  constexpr int at_a_time = 4;
  std::latch all_there(at_a_time);
  const FakeGraceDb server([&](const TestRequest&) {
    all_there.arrive_and_wait();
    return created;
  });
  HttpUploader uploader(options(server.service_url()), results_);
  for (int i = 1; i <= at_a_time; ++i) {
    uploader.submit(order(static_cast<MessageId>(i), "T000" + std::to_string(i)));
  }
  EXPECT_EQ(wait_for(results_, at_a_time).size(), std::size_t{at_a_time});
}

TEST_F(HttpUploaderTest, UploadsTwoEventsOfOneGraceidOneAfterTheOther) {
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  std::atomic<int> tries = 0;
  // Once another event, submitted last, has been asked for, all before it could have been.
  std::latch all_submitted(1);
  const FakeGraceDb server([&](const TestRequest& request) {
    if (request.path.find("T0002") != std::string::npos) {
      all_submitted.count_down();
      return created;
    }
    most = std::max(most.load(), ++under_way);
    all_submitted.wait();
    --under_way;
    return ++tries % 3 == 0 ? created : TestReply{.status = 503};
  });
  HttpUploader uploader(options(server.service_url()), results_);
  for (MessageId id = 1; id <= 5; ++id)
    uploader.submit(order(id));
  uploader.submit(order(6, "T0002"));
  auto results = wait_for(results_, 6);
  std::erase_if(results, [](const UploadResult& result) { return result.id == 6; });
  ASSERT_EQ(results.size(), 5U);
  for (MessageId id = 1; id <= 5; ++id)
    EXPECT_EQ(results[id - 1].id, id);
  EXPECT_EQ(most, 1);
}

TEST_F(HttpUploaderTest, GivesNoResultForWhatIsAbandoned) {
  std::atomic<bool> is_first = true;
  std::latch asked(1);
  std::latch ended(1);
  const FakeGraceDb server([&](const TestRequest&) {
    if (is_first.exchange(false)) {
      asked.count_down();
      ended.wait();
    }
    return created;
  });
  HttpUploader uploader(options(server.service_url()), results_);
  uploader.submit(order(1));
  uploader.submit(order(2));
  asked.wait();
  uploader.abandon({1, 77});
  uploader.submit(order(3, "T0003"));
  const auto results = wait_for(results_, 2);
  ended.count_down();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_THAT((std::array{results[0].id, results[1].id}), UnorderedElementsAre(2U, 3U));
}

TEST_F(HttpUploaderTest, TellsWhetherGraceDbAnswersAndLetsUsIn) {
  test_support::FakeMachine machine;
  std::atomic<int> status = 201;
  const FakeGraceDb server([&](const TestRequest&) { return TestReply{.status = status}; });
  HttpUploaderOptions watched = with_token(server, machine);
  HttpUploader uploader(watched, results_);
  EXPECT_TRUE(becomes(watched, Check::gracedb, true));
  EXPECT_TRUE(becomes(watched, Check::token, true));
  for (const int trouble : {503, 403}) {
    const Check check = trouble == 503 ? Check::gracedb : Check::token;
    status = trouble;
    uploader.submit(order(1));
    EXPECT_TRUE(becomes(watched, check, false)) << trouble;
    EXPECT_THAT(state_of(watched, check).reason, HasSubstr(std::to_string(trouble)));
    status = 201;
    ASSERT_EQ(wait_for(results_, 1).size(), 1U);
    EXPECT_TRUE(becomes(watched, check, true)) << trouble;
  }
  EXPECT_THAT(watched.monitor->metrics_text(), HasSubstr("gracedb_supervisor_retries_total{reason=\"503\"}"));
  EXPECT_THAT(watched.monitor->metrics_text(), HasSubstr("gracedb_supervisor_retries_total{reason=\"403\"}"));
  EXPECT_THAT(watched.monitor->metrics_text(),
              HasSubstr("gracedb_supervisor_token_expiry_timestamp_seconds 17"));
}

TEST_F(HttpUploaderTest, LooksAtGraceDbWhereNoUploadTellsHowItIs) {
  test_support::FakeMachine machine;
  std::atomic<bool> is_away = false;
  const test_support::TestServer server([&](const TestRequest& request) -> TestReply {
    if (is_away) return {.status = 502};
    return {.body =
                test_support::root_document("http://" + request.headers.at("host") + "/api/", "v2").dump()};
  });
  HttpUploaderOptions watched = options(server.url("/api/"));
  watched.between_looks = milliseconds(20);
  watched.longest_backoff = milliseconds(100);
  const HttpUploader uploader(watched, results_);
  EXPECT_TRUE(becomes(watched, Check::gracedb, true));
  is_away = true;
  EXPECT_TRUE(becomes(watched, Check::gracedb, false));
  is_away = false;
  EXPECT_TRUE(becomes(watched, Check::gracedb, true));
}

TEST_F(HttpUploaderTest, SaysWhereThereIsNoTokenUntilAnUploadIsTakenWithoutOne) {
  const FakeGraceDb server([](const TestRequest&) { return created; });
  HttpUploaderOptions watched = options(server.service_url());
  HttpUploader uploader(watched, results_);
  EXPECT_TRUE(becomes(watched, Check::gracedb, true));
  EXPECT_FALSE(state_of(watched, Check::token).is_ok);
  uploader.submit(order(1));
  ASSERT_EQ(wait_for(results_, 1).size(), 1U);
  EXPECT_TRUE(becomes(watched, Check::token, true));
}

TEST_F(HttpUploaderTest, EndsAtOnceWhileGraceDbHangs) {
  std::latch asked(1);
  std::latch ended(1);
  const FakeGraceDb server([&](const TestRequest&) {
    asked.count_down();
    ended.wait();
    return created;
  });
  auto uploader = std::make_unique<HttpUploader>(options(server.service_url()), results_);
  uploader->submit(order(1));
  asked.wait();
  const auto start = steady_clock::now();
  uploader.reset();
  EXPECT_LT(steady_clock::now() - start, seconds(5));
  ended.count_down();
  EXPECT_TRUE(results_.take().empty());
}

}  // namespace
}  // namespace gracedb::supervisor
