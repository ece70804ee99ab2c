#include "supervisor/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace gracedb::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

EventRecord record(Outcome outcome) {
  return {.outcome = outcome, .graceid = "T0001", .topic = "gracedb.gstlal", .attempts = 1};
}

class MetricsTest : public ::testing::Test {
 protected:
  Metrics metrics_;
};

TEST_F(MetricsTest, CountsMessagesByTopicAndOutcome) {
  metrics_.count(record(Outcome::uploaded));
  metrics_.count(record(Outcome::uploaded));
  metrics_.count(record(Outcome::ignored));
  const std::string text = metrics_.text();
  EXPECT_THAT(
      text,
      HasSubstr("gracedb_supervisor_messages_total{outcome=\"uploaded\",topic=\"gracedb.gstlal\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("{outcome=\"ignored\",topic=\"gracedb.gstlal\"} 1\n"));
}

TEST_F(MetricsTest, HaveEveryReasonOfADeadLetterFromTheStart) {
  EXPECT_THAT(metrics_.text(), HasSubstr("gracedb_supervisor_dead_letters_total{reason=\"schema\"} 0\n"));
  EventRecord rejected = record(Outcome::dead_letter);
  rejected.rejection = Rejection::Kind::schema;
  metrics_.count(rejected);
  EXPECT_THAT(metrics_.text(), HasSubstr("gracedb_supervisor_dead_letters_total{reason=\"schema\"} 1\n"));
}

TEST_F(MetricsTest, TakeTheLatencyOfEventsThatAreCompleteBecauseOfUs) {
  EventRecord slow = record(Outcome::uploaded);
  slow.latency = milliseconds(1'500);
  metrics_.count(slow);
  EventRecord before = record(Outcome::duplicate);
  before.latency = seconds(100);
  metrics_.count(before);
  metrics_.count(record(Outcome::uploaded));
  const std::string text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_event_latency_seconds_count 1\n"));
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_event_latency_seconds_sum 1.5\n"));
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_event_latency_seconds_bucket{le=\"1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_event_latency_seconds_bucket{le=\"2.5\"} 1\n"));
}

TEST_F(MetricsTest, ForgetTheLagOfPartitionsThatAreNoLongerOurs) {
  metrics_.set_lag({{{"gracedb.gstlal", 0}, 5}, {{"gracedb.gstlal", 1}, 7}});
  EXPECT_THAT(metrics_.text(),
              HasSubstr("gracedb_supervisor_consumer_lag{partition=\"1\",topic=\"gracedb.gstlal\"} 7\n"));
  metrics_.set_lag({{{"gracedb.gstlal", 0}, 6}});
  EXPECT_THAT(metrics_.text(), HasSubstr("{partition=\"0\",topic=\"gracedb.gstlal\"} 6\n"));
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("partition=\"1\"")));
}

TEST_F(MetricsTest, TellWhatIsInFlight) {
  metrics_.set_in_flight(3, 4'096);
  EXPECT_THAT(metrics_.text(), HasSubstr("gracedb_supervisor_in_flight 3\n"));
  EXPECT_THAT(metrics_.text(), HasSubstr("gracedb_supervisor_in_flight_bytes 4096\n"));
}

TEST_F(MetricsTest, CountRetriesByTheirCauseAndTimeUploads) {
  metrics_.count_retry("503");
  metrics_.count_retry("timeout");
  metrics_.observe_upload(milliseconds(20));
  const std::string text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_retries_total{reason=\"503\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_retries_total{reason=\"timeout\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("gracedb_supervisor_upload_duration_seconds_count 1\n"));
}

TEST_F(MetricsTest, HaveTheEndOfTheTokenWhileThereIsOne) {
  constexpr const char* name = "gracedb_supervisor_token_expiry_timestamp_seconds";
  EXPECT_THAT(metrics_.text(), Not(HasSubstr(name)));
  metrics_.set_token_expiry(std::chrono::system_clock::time_point(seconds(1'795'316'645)));
  EXPECT_THAT(metrics_.text(), HasSubstr(std::string(name) + " 1795316645\n"));
  metrics_.set_token_expiry(std::nullopt);
  EXPECT_THAT(metrics_.text(), Not(HasSubstr(name)));
}

TEST_F(MetricsTest, TellTheVersions) {
  EXPECT_THAT(metrics_.text(), HasSubstr("gracedb_supervisor_build_info{libcurl=\""));
}

}  // namespace
}  // namespace gracedb::supervisor
