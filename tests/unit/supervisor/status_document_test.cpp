#include "supervisor/status_document.hpp"

#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace gracedb::supervisor {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

EventRecord uploaded(const std::string& detail = {}) {
  return {.outcome = Outcome::uploaded,
          .graceid = "T0001",
          .topic = "gracedb.gstlal",
          .partition = 2,
          .offset = 17,
          .attempts = 3,
          .duration = std::chrono::microseconds(12'500),
          .latency = std::chrono::milliseconds(40),
          .detail = detail};
}

json events_of(Monitor& monitor) { return events_document(monitor.history().after(0)); }

TEST(StatusDocument, TellsWhereTheSupervisorStands) {
  Monitor monitor;
  monitor.turned(2, 3'000);
  monitor.settled(uploaded());
  monitor.retried("503");
  monitor.set_lag({{{"gracedb.gstlal", 0}, 5}});
  const json document = status_document({.instance_name = "gracedb", .max_in_flight = 64}, monitor, true);
  EXPECT_EQ(document["instance"], "gracedb");
  EXPECT_EQ(document["in_flight"], 2);
  EXPECT_EQ(document["in_flight_bytes"], 3'000);
  EXPECT_EQ(document["max_in_flight"], 64);
  EXPECT_EQ(document["settled"], json({{"uploaded", 1}}));
  EXPECT_EQ(document["retries"], 1);
  EXPECT_EQ(document["lag"], json::parse(R"([{"topic":"gracedb.gstlal","partition":0,"messages":5}])"));
  EXPECT_EQ(document["ready"], false);
  EXPECT_EQ(document["checks"].size(), 6U);
}

TEST(StatusDocument, TellsOfAnEventItsPlaceItsOutcomeAndItsTimes) {
  Monitor monitor;
  monitor.settled(uploaded());
  const json event = events_of(monitor).at(0);
  EXPECT_EQ(event["number"], 1);
  EXPECT_EQ(event["graceid"], "T0001");
  EXPECT_EQ(event["outcome"], "uploaded");
  EXPECT_EQ(event["topic"], "gracedb.gstlal");
  EXPECT_EQ(event["partition"], 2);
  EXPECT_EQ(event["offset"], 17);
  EXPECT_EQ(event["attempts"], 3);
  EXPECT_EQ(event["ms"], 12.5);
  EXPECT_EQ(event["latency_ms"], 40);
}

TEST(StatusDocument, ShowsNoTokenAndNoEndlessDetail) {
  Monitor monitor;
  const std::string token = test_support::fake_token("ANY", "gracedb.read", std::chrono::system_clock::now());
  monitor.settled(uploaded("refused " + token));
  monitor.settled(uploaded(std::string(10'000, 'x')));
  monitor.health().set(Check::token, false, "GraceDB said: " + token);
  const std::string text = to_text(status_document({}, monitor, true)) + to_text(events_of(monitor));
  EXPECT_THAT(text, Not(HasSubstr(token)));
  EXPECT_LT(to_text(events_of(monitor)).size(), 2'000U);
}

TEST(StatusDocument, IsJsonWhateverBytesAMessageHad) {
  Monitor monitor;
  monitor.settled(uploaded("'\xff\xfe</script>\n\x01' is not the name of a file"));
  const std::string text = to_text(events_of(monitor));
  EXPECT_TRUE(json::accept(text));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
}

TEST(StatusLine, IsShort) {
  Monitor monitor;
  monitor.health().set(Check::partitions, true, "");
  monitor.health().set(Check::gracedb, true, "");
  monitor.health().set(Check::token, true, "");
  monitor.settled(uploaded());
  monitor.set_lag({{{"gracedb.gstlal", 0}, 5}, {{"gracedb.gstlal", 1}, 6}});
  monitor.turned(4, 0);
  EXPECT_EQ(status_line(monitor), "ready; 4 in flight, lag 11; 1 uploaded");
}

}  // namespace
}  // namespace gracedb::supervisor
