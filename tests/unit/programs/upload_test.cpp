#include "gracedb-kafka/upload.hpp"

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
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const programs::Style plain(false);

rest::CreatedEvent over_kafka() {
  rest::CreatedEvent created;
  created.route = rest::EventRoute::kafka;
  created.graceid = "T0001";
  created.content_id = "9f86d081-884c-7d65-9a2f-eaa0c55ad015";
  created.delivery = kafka::DeliveryReport{"gracedb-test.test", 2, 42, {}, {}, {}};
  created.reservation_time = 3100us;
  created.delivery_time = 4ms;
  return created;
}

rest::CreatedEvent over_http(rest::EventRoute route) {
  rest::CreatedEvent created = over_kafka();
  created.route = route;
  created.delivery.reset();
  return created;
}

UploadTimes times() { return {.connect = 12ms, .completion = std::nullopt, .total = 20ms, .waited = false}; }

TEST(UploadReport, FirstLineIsTheGraceid) {
  const std::string text = upload_text(over_kafka(), times(), plain);
  EXPECT_THAT(text, StartsWith("T0001\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("reserved     T0001 in 3.10 ms\n"),
                          HasSubstr("confirmed    gracedb-test.test[2] @ 42 in 4.00 ms\n")));
}

TEST(UploadReport, FirstLineIsTheContentIdWithoutReservation) {
  rest::CreatedEvent created = over_kafka();
  created.graceid.reset();
  const std::string text = upload_text(created, times(), plain);
  EXPECT_THAT(text, StartsWith("9f86d081-884c-7d65-9a2f-eaa0c55ad015\n"));
  EXPECT_THAT(text, Not(HasSubstr("reserved")));
  EXPECT_TRUE(json::parse(upload_json(created, times(), nullptr)).at("graceid").is_null());
}

TEST(UploadReport, ShowsAnUploadOverHttp) {
  EXPECT_THAT(upload_text(over_http(rest::EventRoute::http_completion), times(), plain),
              HasSubstr("uploaded     over HTTP in 20.0 ms, with the reserved graceid, after Kafka failed"));
  EXPECT_THAT(upload_text(over_http(rest::EventRoute::http), times(), plain),
              AllOf(HasSubstr("uploaded     over HTTP in 20.0 ms"), Not(HasSubstr("reserved"))));
}

TEST(UploadReport, IsOneJsonObject) {
  const json line = json::parse(upload_json(over_kafka(), times(), nullptr));
  EXPECT_EQ(line.at("graceid"), "T0001");
  EXPECT_EQ(line.at("route"), "kafka");
  EXPECT_EQ(line.at("topic"), "gracedb-test.test");
  EXPECT_EQ(line.at("partition"), 2);
  EXPECT_EQ(line.at("offset"), 42);
  EXPECT_DOUBLE_EQ(line.at("seconds").at("reservation").get<double>(), 0.0031);
  EXPECT_FALSE(line.contains("complete"));
}

TEST(UploadReport, JsonHasTheCompleteEventAfterAWait) {
  UploadTimes waited = times();
  waited.waited = true;
  EXPECT_EQ(json::parse(upload_json(over_kafka(), waited, nullptr)).at("complete"), false);
  waited.completion = 35ms;
  const json line = json::parse(upload_json(over_kafka(), waited, {{"graceid", "T0001"}}));
  EXPECT_EQ(line.at("complete"), true);
  EXPECT_EQ(line.at("event").at("graceid"), "T0001");
  EXPECT_DOUBLE_EQ(line.at("seconds").at("completion").get<double>(), 0.035);
}

TEST(UploadReport, SummarizesTheEvent) {
  UploadTimes waited = times();
  waited.completion = 35ms;
  waited.total = 55ms;
  const json event = {{"group", "Test"},
                      {"pipeline", "gstlal"},
                      {"search", nullptr},
                      {"gpstime", 1412546713.25},
                      {"far", 3.17e-11},
                      {"instruments", "H1,L1"},
                      {"links", {{"self", "https://g/T0001"}}}};
  const std::string text = completion_text(event, waited);
  EXPECT_THAT(text, AllOf(HasSubstr("complete     in GraceDB after 35.0 ms, 55.0 ms since the start"),
                          HasSubstr("Test gstlal, gpstime 1412546713.25, far 3.17e-11, instruments H1,L1"),
                          HasSubstr("https://g/T0001")));
}

TEST(UploadReport, EscapesControlCharacters) {
  EXPECT_THAT(completion_text({{"group", "\033[2J"}}, times()), Not(HasSubstr("\033")));
}

constexpr const char* complete_files = R"({"files":["coinc.xml"]})";

rest::GraceDb observer_of(const FakeGraceDb& server) {
  rest::GraceDbOptions options = anonymous(server.service_url());
  options.retry.tries = 0;
  return rest::GraceDb(std::move(options));
}

bool asks_for_files(const TestRequest& request) { return request.path.find("/files/") != std::string::npos; }

TEST(ListsFile, AcceptsBothApiVersions) {
  EXPECT_TRUE(
      lists_file(json::parse(R"({"coinc.xml":"https://a/","coinc.xml,0":"https://b/"})"), "coinc.xml"));
  EXPECT_TRUE(lists_file(json::parse(R"({"files":["event.log","coinc.xml"]})"), "coinc.xml"));
  EXPECT_TRUE(lists_file(json::parse(R"({"files":[{"filename":"coinc.xml"}],"links":{}})"), "coinc.xml"));
}

TEST(ListsFile, IsFalseForUnlistedFile) {
  for (const char* list : {"{}", "[]", "null", R"({"files":[]})",
                           R"({"files":[{"name":"coinc.xml"},5,null]})", R"({"files":["coinc.xml,0"]})"}) {
    EXPECT_FALSE(lists_file(json::parse(list), "coinc.xml")) << list;
  }
}

TEST(WaitForEvent, ReturnsTheEventOnceItsFileIsListed) {
  std::atomic<int> requests = 0;
  const FakeGraceDb server([&requests](const TestRequest& request) -> TestReply {
    if (!asks_for_files(request)) return {.body = R"({"graceid":"T0001"})"};
    ++requests;
    if (requests == 1) return {.status = 404, .body = R"("Event not found.")"};
    return {.body = requests == 2 ? R"({"files":[]})" : complete_files};
  });
  rest::GraceDb observer = observer_of(server);
  EXPECT_EQ(wait_for_event(observer, "T0001", "coinc.xml", 20s).at("graceid"), "T0001");
  EXPECT_EQ(requests, 3);
}

TEST(WaitForEvent, RetriesAfter503AndInvalidJson) {
  std::atomic<int> requests = 0;
  const FakeGraceDb server([&requests](const TestRequest& request) -> TestReply {
    if (!asks_for_files(request)) return {.body = R"({"graceid":"T0001"})"};
    ++requests;
    if (requests == 1) return {.status = 503, .body = "busy"};
    return {.body = requests == 2 ? "<html>" : complete_files};
  });
  rest::GraceDb observer = observer_of(server);
  EXPECT_EQ(wait_for_event(observer, "T0001", "coinc.xml", 20s).at("graceid"), "T0001");
}

TEST(WaitForEvent, TimeoutErrorForbidsAnotherSubmission) {
  const FakeGraceDb server([](const TestRequest&) -> TestReply { return {.body = R"({"files":[]})"}; });
  rest::GraceDb observer = observer_of(server);
  try {
    wait_for_event(observer, "T0001", "coinc.xml", 50ms);
    ADD_FAILURE() << "an event without its file is complete";
  } catch (const programs::ProgramError& error) {
    EXPECT_EQ(error.code(), programs::ExitCode::other);
    EXPECT_THAT(
        error.what(),
        HasSubstr("T0001 is not complete in GraceDB after 50.0 ms (GraceDB does not list its file yet)"));
    EXPECT_THAT(error.what(), HasSubstr("do not submit it again"));
  }
}

TEST(WaitForEvent, DoesNotRetryAfter403) {
  const FakeGraceDb server(
      [](const TestRequest&) -> TestReply { return {.status = 403, .body = R"("no")"}; });
  rest::GraceDb observer = observer_of(server);
  EXPECT_THROW(wait_for_event(observer, "T0001", "coinc.xml", 20s), HttpError);
}

}  // namespace
}  // namespace gracedb::cli
