#include "gracedb-kafka/event_wait.hpp"

#include "gracedb/errors.hpp"

#include "common/exit_code.hpp"
#include "unit/rest/fake_gracedb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>

namespace gracedb::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test_support::anonymous;
using test_support::FakeGraceDb;
using test_support::TestReply;
using test_support::TestRequest;
using testing::HasSubstr;

constexpr const char* complete_files = R"({"files":["coinc.xml"]})";

rest::GraceDb observer_of(const FakeGraceDb& server) {
  rest::GraceDbOptions options = anonymous(server.service_url());
  options.retry.tries = 0;
  return rest::GraceDb(std::move(options));
}

bool asks_for_files(const TestRequest& request) { return request.path.find("/files/") != std::string::npos; }

TEST(FileLists, AreReadInBothVersions) {
  EXPECT_TRUE(
      lists_file(json::parse(R"({"coinc.xml":"https://a/","coinc.xml,0":"https://b/"})"), "coinc.xml"));
  EXPECT_TRUE(lists_file(json::parse(R"({"files":["event.log","coinc.xml"]})"), "coinc.xml"));
  EXPECT_TRUE(lists_file(json::parse(R"({"files":[{"filename":"coinc.xml"}],"links":{}})"), "coinc.xml"));
}

TEST(FileLists, DoNotHaveAFileThatIsNotListed) {
  for (const char* list : {"{}", "[]", "null", R"({"files":[]})",
                           R"({"files":[{"name":"coinc.xml"},5,null]})", R"({"files":["coinc.xml,0"]})"}) {
    EXPECT_FALSE(lists_file(json::parse(list), "coinc.xml")) << list;
  }
}

TEST(EventWait, ReturnsTheEventAsSoonAsItsFileIsThere) {
  std::atomic<int> looks = 0;
  const FakeGraceDb server([&looks](const TestRequest& request) -> TestReply {
    if (!asks_for_files(request)) return {.body = R"({"graceid":"T0001"})"};
    ++looks;
    if (looks == 1) return {.status = 404, .body = R"("Event not found.")"};
    return {.body = looks == 2 ? R"({"files":[]})" : complete_files};
  });
  rest::GraceDb observer = observer_of(server);
  EXPECT_EQ(wait_for_event(observer, "T0001", "coinc.xml", 20s).at("graceid"), "T0001");
  EXPECT_EQ(looks, 3);
}

TEST(EventWait, WaitsOutAServerThatIsOverloadedOrAnswersNonsense) {
  std::atomic<int> looks = 0;
  const FakeGraceDb server([&looks](const TestRequest& request) -> TestReply {
    if (!asks_for_files(request)) return {.body = R"({"graceid":"T0001"})"};
    ++looks;
    if (looks == 1) return {.status = 503, .body = "busy"};
    return {.body = looks == 2 ? "<html>" : complete_files};
  });
  rest::GraceDb observer = observer_of(server);
  EXPECT_EQ(wait_for_event(observer, "T0001", "coinc.xml", 20s).at("graceid"), "T0001");
}

TEST(EventWait, EndsInTimeAndSaysThatNothingNeedBeSentAgain) {
  const FakeGraceDb server([](const TestRequest&) -> TestReply { return {.body = R"({"files":[]})"}; });
  rest::GraceDb observer = observer_of(server);
  try {
    wait_for_event(observer, "T0001", "coinc.xml", 50ms);
    ADD_FAILURE() << "an event without its file was taken for complete";
  } catch (const programs::ProgramError& error) {
    EXPECT_EQ(error.code(), programs::ExitCode::other);
    EXPECT_THAT(error.what(),
                HasSubstr("T0001 is not complete in GraceDB after 50.0 ms (its file is not there yet)"));
    EXPECT_THAT(error.what(), HasSubstr("need not be again"));
  }
}

TEST(EventWait, DoesNotWaitOutARefusal) {
  const FakeGraceDb server(
      [](const TestRequest&) -> TestReply { return {.status = 403, .body = R"("no")"}; });
  rest::GraceDb observer = observer_of(server);
  EXPECT_THROW(wait_for_event(observer, "T0001", "coinc.xml", 20s), HttpError);
}

}  // namespace
}  // namespace gracedb::cli
