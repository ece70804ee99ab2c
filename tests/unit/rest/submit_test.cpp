#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/upload_message.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "fake_gracedb.hpp"
#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;
using test_support::anonymous;
using test_support::CapturedLog;
using test_support::FakeGraceDb;
using test_support::message_of;
using test_support::MockKafka;
using test_support::TestReply;
using test_support::TestRequest;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* reserve = "/api/v2/events/reserve/";

/// A GraceDB that reserves a different graceid for each request.
class Counting {
 public:
  TestReply operator()(const TestRequest& request) const {
    if (request.path != reserve) return {.status = 201, .body = R"({"graceid": "T1"})"};
    return {.status = 201, .body = fmt::format(R"({{"graceid": "T{}", "submitter": "me"}})", ++*count_)};
  }

 private:
  std::shared_ptr<std::atomic<int>> count_ = std::make_shared<std::atomic<int>>(0);
};

class Submit : public ::testing::Test {
 protected:
  Submit() { kafka_.create_topic("127.gstlal"); }

  kafka::Producer producer_for(const GraceDb& client, std::chrono::milliseconds flush_timeout = 10s) const {
    return client.create_kafka_producer({.bootstrap_servers = kafka_.bootstrap_servers(),
                                         .flush_timeout = flush_timeout,
                                         .check_for_topics = false,
                                         .kafka_config = {{"security.protocol", "plaintext"}}});
  }

  static CreateEventOptions event(kafka::Producer& producer, std::string_view contents = "<xml/>") {
    return {.group = "CBC",
            .pipeline = "gstlal",
            .filename = "coinc.xml",
            .contents = contents,
            .kafka = &producer};
  }

  static std::vector<std::string> different_files(std::size_t count) {
    std::vector<std::string> files;
    files.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      files.push_back(fmt::format("<file number='{}'/>", i));
    return files;
  }

  static std::vector<std::future<CreatedEvent>> submit_all(GraceDb& client, kafka::Producer& producer,
                                                           const std::vector<std::string>& files) {
    std::vector<std::future<CreatedEvent>> events;
    events.reserve(files.size());
    for (const std::string& file : files)
      events.push_back(client.submit(event(producer, file)));
    return events;
  }

  CapturedLog log_;
  MockKafka kafka_;
};

TEST_F(Submit, ConfirmsEachEventUnderItsOwnGraceid) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  const std::vector<std::string> files = different_files(100);
  auto events = submit_all(client, producer, files);

  std::set<std::string> graceids;
  std::set<std::int64_t> offsets;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const CreatedEvent created = events[i].get();
    EXPECT_EQ(created.route, EventRoute::kafka);
    EXPECT_EQ(created.content_id, kafka::content_id(files[i]));
    graceids.insert(created.graceid.value());
    offsets.insert(created.delivery.value().offset.value());
  }
  EXPECT_THAT(graceids, SizeIs(files.size()));
  EXPECT_THAT(offsets, SizeIs(files.size()));
}

TEST_F(Submit, PublishesEachFileUnderItsReservedGraceid) {
  const FakeGraceDb server{[](const TestRequest& request) {
    const std::string id = request.parameter("content_id");
    return TestReply{.status = 201, .body = fmt::format(R"({{"graceid": "{}"}})", id)};
  }};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  const std::vector<std::string> files = different_files(20);
  auto events = submit_all(client, producer, files);
  for (auto& each : events)
    each.get();

  kafka::Consumer consumer({.bootstrap_servers = kafka_.bootstrap_servers(),
                            .topics = {"gstlal"},
                            .instance_name = "127",
                            .auto_offset_reset = "earliest",
                            .check_for_topics = false,
                            .kafka_config = {{"security.protocol", "plaintext"}}});
  std::size_t seen = 0;
  for (const kafka::Message& message : consumer.stream(5s, files.size())) {
    const auto upload = kafka::parse_upload_message(message.value);
    EXPECT_EQ(message.key, kafka::content_id(upload.contents));
    ++seen;
  }
  EXPECT_EQ(seen, files.size());
}

TEST_F(Submit, RetriesAReservationAfter503WithRetryAfter) {
  const auto answers = std::make_shared<std::atomic<int>>(0);
  const FakeGraceDb server{[answers, counting = Counting()](const TestRequest& request) {
    if (++*answers <= 2) return TestReply{.status = 503, .headers = {{"Retry-After", "0"}}};
    return counting(request);
  }};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  EXPECT_EQ(client.submit(event(producer)).get().graceid, "T1");
}

TEST_F(Submit, ReturnsTheErrorOfARejectedReservation) {
  const FakeGraceDb server{[](const TestRequest&) { return TestReply{.status = 403, .body = R"("no")"}; }};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event(producer);
  options.http_fallback = true;
  auto refused = client.submit(std::move(options));
  EXPECT_THAT(message_of<HttpError>([&] { refused.get(); }), HasSubstr("403"));
}

TEST_F(Submit, ThrowsForAWrongArgument) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event(producer);
  options.pipeline = "lalapps";
  EXPECT_THAT(message_of<std::invalid_argument>([&] { client.submit(options); }),
              HasSubstr("unknown pipeline 'lalapps'"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Submit, FallsBackToHttpIfKafkaFails) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  CreateEventOptions options = event(producer);
  options.http_fallback = true;
  const CreatedEvent created = client.submit(std::move(options)).get();
  EXPECT_EQ(created.route, EventRoute::http_completion);
  EXPECT_EQ(server.requests().back().file("eventFile").value().content, "<xml/>");
}

TEST_F(Submit, ReturnsTheKafkaErrorWithTheGraceid) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  auto failed = client.submit(event(producer));
  EXPECT_THAT(message_of<KafkaTopicError>([&] { failed.get(); }), HasSubstr("graceid T1 is reserved"));
}

TEST_F(Submit, GivesUpMessagesAfterTheFlushTimeout) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client, 200ms);
  kafka_.set_delay(5s);
  std::vector<std::future<CreatedEvent>> events;
  for (int i = 0; i < 30; ++i) {
    CreateEventOptions options = event(producer);
    options.http_fallback = true;
    events.push_back(client.submit(std::move(options)));
  }
  for (auto& each : events)
    EXPECT_EQ(each.get().route, EventRoute::http_completion);
  EXPECT_EQ(producer.pending_messages(), 0U);
}

TEST_F(Submit, PostsWithoutAProducer) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  const CreateEventOptions options{
      .group = "CBC", .pipeline = "gstlal", .filename = "coinc.xml", .contents = "<xml/>"};
  EXPECT_EQ(client.submit(options).get().route, EventRoute::http);
}

TEST_F(Submit, PublishesWithoutAGraceidIfUploadIsDisabled) {
  const FakeGraceDb server{Counting()};
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event(producer);
  options.gracedb_upload = false;
  const CreatedEvent created = client.submit(std::move(options)).get();
  EXPECT_EQ(created.route, EventRoute::kafka);
  EXPECT_FALSE(created.graceid);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Submit, FailsUnreservedEventsWhenTheClientIsDestroyed) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  std::promise<void> asked;
  const FakeGraceDb server{[&, first = std::make_shared<std::atomic<bool>>(true)](const TestRequest&) {
    if (first->exchange(false)) asked.set_value();
    ended.wait();
    return TestReply{.status = 201, .body = R"({"graceid": "T1"})"};
  }};
  std::optional<GraceDb> client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(*client);
  std::vector<std::future<CreatedEvent>> events;
  constexpr int more_than_are_reserved_at_a_time = 20;
  events.reserve(more_than_are_reserved_at_a_time);
  for (int i = 0; i < more_than_are_reserved_at_a_time; ++i)
    events.push_back(client->submit(event(producer)));
  asked.get_future().wait();
  client.reset();
  for (auto& each : events) {
    EXPECT_THAT(message_of<KafkaError>([&] { each.get(); }),
                HasSubstr("closed before the event was reserved"));
  }
  end.set_value();
}

}  // namespace
}  // namespace gracedb::rest
