#include "gracedb-kafka/upload_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
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

TEST(UploadReport, BeginsWithTheGraceidAlone) {
  const std::string text = upload_text(over_kafka(), times(), plain);
  EXPECT_THAT(text, StartsWith("T0001\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("reserved     T0001 in 3.10 ms\n"),
                          HasSubstr("confirmed    gracedb-test.test[2] @ 42 in 4.00 ms\n")));
}

TEST(UploadReport, BeginsWithTheContentIdWhereNothingWasReserved) {
  rest::CreatedEvent created = over_kafka();
  created.graceid.reset();
  const std::string text = upload_text(created, times(), plain);
  EXPECT_THAT(text, StartsWith("9f86d081-884c-7d65-9a2f-eaa0c55ad015\n"));
  EXPECT_THAT(text, Not(HasSubstr("reserved")));
  EXPECT_TRUE(json::parse(upload_json(created, times(), nullptr)).at("graceid").is_null());
}

TEST(UploadReport, SaysWhereTheEventWentOverHttp) {
  EXPECT_THAT(upload_text(over_http(rest::EventRoute::http_completion), times(), plain),
              HasSubstr("uploaded     over HTTP under the reserved graceid, as Kafka failed, in 20.0 ms"));
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

TEST(UploadReport, HasTheEventThatWasWaitedFor) {
  UploadTimes waited = times();
  waited.waited = true;
  EXPECT_EQ(json::parse(upload_json(over_kafka(), waited, nullptr)).at("complete"), false);
  waited.completion = 35ms;
  const json line = json::parse(upload_json(over_kafka(), waited, {{"graceid", "T0001"}}));
  EXPECT_EQ(line.at("complete"), true);
  EXPECT_EQ(line.at("event").at("graceid"), "T0001");
  EXPECT_DOUBLE_EQ(line.at("seconds").at("completion").get<double>(), 0.035);
}

TEST(UploadReport, SumsTheEventUp) {
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

TEST(UploadReport, CannotCommandATerminal) {
  EXPECT_THAT(completion_text({{"group", "\033[2J"}}, times()), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace gracedb::cli
