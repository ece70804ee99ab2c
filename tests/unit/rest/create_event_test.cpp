#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/upload_message.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "fake_gracedb.hpp"
#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test_support::anonymous;
using test_support::CapturedLog;
using test_support::FakeGraceDb;
using test_support::message_of;
using test_support::MockKafka;
using test_support::TestReply;
using test_support::TestRequest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string contents = "<?xml version='1.0'?>\n<LIGO_LW>\r\n\xF0\x9F\x8C\x8C</LIGO_LW>\n";

TestReply take_all(const TestRequest& request) {
  if (request.path == "/api/v2/events/reserve/") {
    return {.status = 201, .body = R"({"graceid": "T0007", "submitter": "albert.einstein@ligo.org"})"};
  }
  return {.status = 201, .body = R"({"graceid": "T0007", "warnings": []})"};
}

/// As `take_all`, but with `reply` at one path.
test_support::TestServer::Handler take_all_but(std::string path, TestReply reply) {
  return [path = std::move(path), reply = std::move(reply)](const TestRequest& request) {
    return request.path == path ? reply : take_all(request);
  };
}

CreateEventOptions event() {
  return {.group = "CBC",
          .pipeline = "gstlal",
          .filename = "/data/run 1/coinc.xml",
          .search = "AllSky",
          .labels = {"INJ", "DQV"},
          .contents = contents};
}

std::vector<std::string> paths_of(const FakeGraceDb& server) {
  std::vector<std::string> paths;
  for (const auto& request : server.requests()) {
    paths.push_back(request.method + " " + request.path);
  }
  return paths;
}

TEST(PlainCreation, SendsEveryFieldAndTheFileUnderItsBaseName) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  CreateEventOptions options = event();
  options.offline = true;
  options.replay_id = "O4_run-1";
  const CreatedEvent created = client.create_event(options);

  EXPECT_THAT(paths_of(server), ElementsAre("POST /api/v2/events/"));
  const auto request = server.requests().at(0);
  EXPECT_THAT(request.field("group"), ElementsAre("CBC"));
  EXPECT_THAT(request.field("pipeline"), ElementsAre("gstlal"));
  EXPECT_THAT(request.field("search"), ElementsAre("AllSky"));
  EXPECT_THAT(request.field("labels"), ElementsAre("INJ", "DQV"));
  EXPECT_THAT(request.field("offline"), ElementsAre("True"));
  EXPECT_THAT(request.field("replay_id"), ElementsAre("O4_run-1"));
  EXPECT_THAT(request.field("content_id"), ElementsAre(kafka::content_id(contents)));
  EXPECT_EQ(request.file("eventFile").value().file_name, "coinc.xml");
  EXPECT_EQ(request.file("eventFile").value().content, contents);

  EXPECT_EQ(created.route, EventRoute::http);
  EXPECT_EQ(created.graceid, "T0007");
  EXPECT_EQ(created.content_id, kafka::content_id(contents));
  EXPECT_EQ(created.json().at("graceid"), "T0007");
  EXPECT_FALSE(created.delivery);
}

TEST(PlainCreation, ReadsTheFile) {
  const test_support::TemporaryDirectory directory;
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  client.create_event(
      {.group = "Test", .pipeline = "CWB", .filename = directory.write("trigger.txt", "rho: 7")});
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.file("eventFile").value().content, "rho: 7");
  EXPECT_THAT(request.field("offline"), ElementsAre("False"));
  EXPECT_THAT(request.field("labels"), IsEmpty());
  EXPECT_THAT(request.field("search"), IsEmpty());
}

TEST(PlainCreation, LogsWarningsFromGraceDb) {
  const CapturedLog log;
  const FakeGraceDb server(take_all_but(
      "/api/v2/events/",
      {.status = 201, .body = R"({"graceid": "T0007", "warnings": ["Problem scanning data."]})"}));
  GraceDb client(anonymous(server.service_url()));
  client.create_event(event());
  EXPECT_THAT(log.messages(LogLevel::warning), ElementsAre("GraceDB about T0007: Problem scanning data."));
}

TEST(Creation, ChecksOptionsBeforeAnythingIsSent) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  const auto refused = [&](auto change) {
    CreateEventOptions options = event();
    change(options);
    return message_of<std::invalid_argument>([&] { client.create_event(options); });
  };
  EXPECT_THAT(refused([](auto& options) { options.group = "GRB"; }), HasSubstr("unknown group 'GRB'"));
  EXPECT_THAT(refused([](auto& options) { options.pipeline = "lalapps"; }),
              HasSubstr("unknown pipeline 'lalapps'"));
  EXPECT_THAT(refused([](auto& options) { options.search = "x"; }), HasSubstr("unknown search 'x'"));
  EXPECT_THAT(refused([](auto& options) { options.labels = {"x"}; }), HasSubstr("unknown label 'x'"));
  EXPECT_THAT(refused([](auto& options) { options.replay_id = "a b"; }), HasSubstr("replay_id 'a b'"));
  EXPECT_THAT(refused([](auto& options) { options.replay_id = std::string(31, 'x'); }), HasSubstr("1 to 30"));
  EXPECT_THAT(refused([](auto& options) { options.contents.reset(); }),
              HasSubstr("cannot read /data/run 1/coinc.xml"));
  EXPECT_THAT(refused([](auto& options) { options.gracedb_upload = false; }), HasSubstr("pass a producer"));
  EXPECT_TRUE(server.requests().empty());
}

TEST(Completion, SendsTheFileWithBrokerAndTopic) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  const Response response = client.upload_reserved_event({.graceid = "T0007",
                                                          .filename = "coinc.xml",
                                                          .contents = contents,
                                                          .labels = {"INJ"},
                                                          .kafka_server = "kafka.ligo.org:9092",
                                                          .kafka_topic = "gracedb.gstlal"});
  EXPECT_EQ(response.status, 201);
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.path, "/api/v2/events/T0007/upload/");
  EXPECT_THAT(request.field("graceid"), ElementsAre("T0007"));
  EXPECT_THAT(request.field("labels"), ElementsAre("INJ"));
  EXPECT_THAT(request.field("kafka_server"), ElementsAre("kafka.ligo.org:9092"));
  EXPECT_THAT(request.field("kafka_topic"), ElementsAre("gracedb.gstlal"));
  EXPECT_EQ(request.file("eventFile").value().content, contents);
}

class OverKafka : public ::testing::Test {
 protected:
  OverKafka() {
    kafka_.create_topic("127.gstlal");
    kafka_.create_topic("127.test");
  }

  kafka::Producer producer_for(GraceDb& client, std::map<std::string, std::string> config = {},
                               std::chrono::milliseconds flush_timeout = 10s) {
    config.emplace("security.protocol", "plaintext");
    return client.create_kafka_producer({.bootstrap_servers = kafka_.bootstrap_servers(),
                                         .flush_timeout = flush_timeout,
                                         .validate_token = false,
                                         .kafka_config = std::move(config)});
  }

  std::optional<kafka::Message> only_message_on(const std::string& pipeline) {
    kafka::Consumer consumer({.bootstrap_servers = kafka_.bootstrap_servers(),
                              .topics = {pipeline},
                              .instance_name = "127",
                              .auto_offset_reset = "earliest",
                              .validate_token = false,
                              .check_for_topics = false,
                              .kafka_config = {{"security.protocol", "plaintext"}}});
    auto message = consumer.poll(10s);
    EXPECT_FALSE(consumer.poll(50ms)) << "more than one message on " << pipeline;
    return message;
  }

  MockKafka kafka_;
  CapturedLog log_{LogLevel::warning};
};

TEST_F(OverKafka, ReservesThenPublishesTheCompleteMessage) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event();
  options.kafka = &producer;
  const CreatedEvent created = client.create_event(options);

  EXPECT_THAT(paths_of(server), ElementsAre("POST /api/v2/events/reserve/"));
  const auto reservation = server.requests().at(0);
  EXPECT_EQ(reservation.parameter("group"), "CBC");
  EXPECT_EQ(reservation.parameter("pipeline"), "gstlal");
  EXPECT_EQ(reservation.parameter("search"), "AllSky");
  EXPECT_EQ(reservation.parameter("content_id"), kafka::content_id(contents));

  EXPECT_EQ(created.route, EventRoute::kafka);
  EXPECT_EQ(created.graceid, "T0007");
  EXPECT_EQ(created.delivery.value().topic, "127.gstlal");
  EXPECT_GE(created.delivery.value().offset, 0);
  EXPECT_GT(created.reservation_time, 0us);
  EXPECT_GT(created.delivery_time, 0us);

  const auto message = only_message_on("gstlal");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->key, "T0007");
  const auto upload = kafka::parse_upload_message(message->value);
  EXPECT_EQ(upload.contents, contents);
  EXPECT_EQ(upload.message.gracedb_server, server.service_url());
  EXPECT_EQ(upload.message.graceid, "T0007");
  EXPECT_EQ(upload.message.submitter, "albert.einstein@ligo.org");
  EXPECT_EQ(upload.message.pipeline, "gstlal");
  EXPECT_EQ(upload.message.group, "CBC");
  EXPECT_EQ(upload.message.search, "AllSky");
  EXPECT_EQ(upload.message.file_name, "coinc.xml");
  EXPECT_EQ(upload.message.content_id, created.content_id);
  EXPECT_THAT(upload.message.labels.value(), ElementsAre("INJ", "DQV"));
  EXPECT_TRUE(upload.message.gracedb_upload);
  EXPECT_FALSE(upload.message.skip_supervisor);
  EXPECT_GT(upload.message.producer_timestamp.value_or(0), 1.7e9);
}

TEST_F(OverKafka, SendsTheTestGroupToTheTestTopic) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event();
  options.group = "Test";
  options.kafka = &producer;
  EXPECT_EQ(client.create_event(options).delivery.value().topic, "127.test");
}

TEST_F(OverKafka, DoesNotReserveWithoutUpload) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event();
  options.kafka = &producer;
  options.gracedb_upload = false;
  options.skip_supervisor = true;
  options.http_fallback = true;
  const CreatedEvent created = client.create_event(options);
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(created.graceid, std::nullopt);
  EXPECT_EQ(created.response.status, 0);
  EXPECT_EQ(created.route, EventRoute::kafka);
  const auto message = only_message_on("gstlal");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->key, std::nullopt);
  const auto upload = kafka::parse_upload_message(message->value);
  EXPECT_FALSE(upload.message.gracedb_upload);
  EXPECT_TRUE(upload.message.skip_supervisor);
  EXPECT_EQ(upload.message.graceid, std::nullopt);
}

TEST_F(OverKafka, RejectsATooLargeFileBeforeTheReservation) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client, {{"message.max.bytes", "20000"}});
  const std::string large(16'000, 'x');
  CreateEventOptions options = event();
  options.kafka = &producer;
  options.http_fallback = true;
  options.contents = large;
  EXPECT_THAT(message_of<std::invalid_argument>([&] { client.create_event(options); }),
              AllOf(HasSubstr("16000 bytes"), HasSubstr("limit of 20000 bytes"), HasSubstr("without kafka")));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(OverKafka, AcceptsTheLargestFile) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer =
      producer_for(client, {{"message.max.bytes", "20000"}, {"compression.type", "none"}});
  const std::string large(13'800, 'x');
  CreateEventOptions options = event();
  options.kafka = &producer;
  options.contents = large;
  EXPECT_EQ(client.create_event(options).route, EventRoute::kafka);
}

TEST_F(OverKafka, AlwaysThrowsForARejectedCredential) {
  for (const int status : {401, 403}) {
    const FakeGraceDb server(take_all_but("/api/v2/events/reserve/", {.status = status, .body = R"("no")"}));
    GraceDb client(anonymous(server.service_url()));
    kafka::Producer producer = producer_for(client);
    CreateEventOptions options = event();
    options.kafka = &producer;
    options.http_fallback = true;
    EXPECT_THAT(message_of<HttpError>([&] { client.create_event(options); }),
                AllOf(HasSubstr("/events/reserve/"), HasSubstr("no token was sent: force_noauth is set")));
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(OverKafka, FallsBackToPlainHttpIfTheReservationFails) {
  for (const TestReply& failure : {TestReply{.status = 500}, TestReply{.status = 201, .body = "{}"}}) {
    const FakeGraceDb server(take_all_but("/api/v2/events/reserve/", failure));
    GraceDb client(anonymous(server.service_url()));
    kafka::Producer producer = producer_for(client);
    CreateEventOptions options = event();
    options.kafka = &producer;
    EXPECT_THROW(client.create_event(options), HttpError);
    options.http_fallback = true;
    const CreatedEvent created = client.create_event(options);
    EXPECT_EQ(created.route, EventRoute::http);
    EXPECT_EQ(created.graceid, "T0007");
    EXPECT_EQ(server.requests().back().path, "/api/v2/events/");
    EXPECT_EQ(server.requests().back().file("eventFile").value().content, contents);
    EXPECT_EQ(producer.pending_messages(), 0U);
    EXPECT_THAT(log_.messages(LogLevel::warning).back(), HasSubstr("no graceid was reserved"));
  }
}

TEST_F(OverKafka, CompletesOverHttpIfKafkaFails) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  CreateEventOptions options = event();
  options.kafka = &producer;
  options.http_fallback = true;
  const CreatedEvent created = client.create_event(options);
  EXPECT_EQ(created.route, EventRoute::http_completion);
  EXPECT_EQ(created.graceid, "T0007");
  EXPECT_THAT(paths_of(server),
              ElementsAre("POST /api/v2/events/reserve/", "POST /api/v2/events/T0007/upload/"));
  const auto request = server.requests().back();
  EXPECT_THAT(request.field("kafka_server"), ElementsAre("kafka delivery failed, reverted to http"));
  EXPECT_THAT(request.field("kafka_topic"), IsEmpty());
  EXPECT_THAT(request.field("labels"), ElementsAre("INJ", "DQV"));
  EXPECT_EQ(request.file("eventFile").value().content, contents);
  EXPECT_THAT(log_.messages(LogLevel::warning), ElementsAre(HasSubstr("Kafka failed for T0007")));
}

TEST_F(OverKafka, ThrowsTheKafkaErrorWithTheGraceid) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  CreateEventOptions options = event();
  options.kafka = &producer;
  try {
    client.create_event(options);
    FAIL() << "nothing thrown";
  } catch (const KafkaTopicError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("127.gstlal"), HasSubstr("graceid T0007 is reserved")));
    EXPECT_EQ(error.code(), KafkaErrorCode::topic_forbidden);
    EXPECT_FALSE(error.may_have_arrived());
  }
}

TEST_F(OverKafka, DoesNotWaitLongerThanTheFlushTimeout) {
  const FakeGraceDb server(take_all);
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client, {}, 100ms);
  kafka_.set_delay(3s);
  CreateEventOptions options = event();
  options.kafka = &producer;
  options.http_fallback = true;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.create_event(options).route, EventRoute::http_completion);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_EQ(producer.pending_messages(), 0U) << "the message was given up";
}

TEST_F(OverKafka, ReportsBothErrorsIfHttpFailsToo) {
  const FakeGraceDb server(take_all_but("/api/v2/events/T0007/upload/", {.status = 500, .body = "broken"}));
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  CreateEventOptions options = event();
  options.kafka = &producer;
  options.http_fallback = true;
  EXPECT_THAT(message_of<HttpError>([&] { client.create_event(options); }),
              AllOf(HasSubstr("500 Internal Server Error: broken"), HasSubstr("graceid T0007 is reserved"),
                    HasSubstr("127.gstlal")));
}

TEST(CreatedProducer, UsesTheInstanceOfTheClient) {
  const GraceDb client(anonymous("https://gracedb-test.ligo.org/api/"));
  const kafka::ProducerOptions options{.bootstrap_servers = "127.0.0.1:1",
                                       .validate_token = false,
                                       .check_for_topics = false,
                                       .kafka_config = {{"security.protocol", "plaintext"}}};
  EXPECT_EQ(client.create_kafka_producer(options).instance_name(), "gracedb-test");
  kafka::ProducerOptions named = options;
  named.instance_name = "playground";
  EXPECT_EQ(client.create_kafka_producer(named).instance_name(), "playground");
}

TEST_F(OverKafka, ThrowsIfTheReservationIsDeeplyNestedJson) {
  const FakeGraceDb server(
      take_all_but("/api/v2/events/reserve/", {.status = 201, .body = std::string(60'000, '[')}));
  GraceDb client(anonymous(server.service_url()));
  kafka::Producer producer = producer_for(client);
  CreateEventOptions options = event();
  options.kafka = &producer;
  EXPECT_THAT(message_of<HttpError>([&] { client.create_event(options); }),
              HasSubstr("a reservation without a graceid"));
}

}  // namespace
}  // namespace gracedb::rest
