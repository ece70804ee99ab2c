#include "kafka/delivery.hpp"

#include "gracedb/kafka/connection.hpp"

#include "test_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <thread>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;
using test_support::read_messages;
using test_support::TestBroker;
using test_support::unique_name;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

ConsumerOptions from_earliest(std::vector<std::string> topics) {
  ConsumerOptions options = TestBroker::shared().consumer_options(std::move(topics));
  options.auto_offset_reset = "earliest";
  options.group_id = unique_name("earliest");
  return options;
}

TEST(Delivery, CarriesValueKeyHeadersAndTimeOverTls) {
  Producer producer(TestBroker::shared().producer_options());
  const std::string mark = unique_name("whole message");
  const auto before = std::chrono::system_clock::now() - 1s;
  const DeliveryReport report =
      producer.deliver(mark, {.key = "G1", .headers = {{"a", "1"}, {"a", std::string("\0\xff", 2)}}});

  Consumer consumer(from_earliest({"test"}));
  const auto messages = read_messages(consumer, 1, mark);

  ASSERT_THAT(messages, SizeIs(1));
  const Message& message = messages.front();
  EXPECT_EQ(message.topic, "localhost.test");
  EXPECT_EQ(message.partition, report.partition);
  EXPECT_EQ(message.offset, report.offset);
  EXPECT_EQ(message.key, "G1");
  EXPECT_EQ(message.value, mark);
  EXPECT_THAT(message.headers, ElementsAre(std::pair("a", "1"), std::pair("a", std::string("\0\xff", 2))));
  EXPECT_GE(message.timestamp, before);
}

TEST(Delivery, WaitsForManyMessagesInAnyOrder) {
  Producer producer(TestBroker::shared().producer_options());
  std::vector<PendingDelivery> started;
  started.reserve(100);
  for (int i = 0; i < 100; ++i)
    started.push_back(PendingDelivery::start(producer, std::to_string(i), {.key = "same"}));
  std::vector<std::int64_t> offsets(started.size());
  for (std::size_t i = started.size(); i-- > 0;)
    offsets[i] = started[i].wait().offset.value();
  // Other tests may write between them.
  EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end(), std::less_equal<>()));
}

TEST(Delivery, SendsAMessageThatNothingWaitsFor) {
  Producer producer(TestBroker::shared().producer_options());
  const std::string mark = unique_name("unfinished");
  static_cast<void>(PendingDelivery::start(producer, mark, {}));
  EXPECT_EQ(producer.flush(10s), 0U);
  Consumer consumer(from_earliest({"test"}));
  EXPECT_THAT(read_messages(consumer, 1, mark), SizeIs(1));
}

TEST(Delivery, FlushAndPollCoverEventsAndOtherMessagesAlike) {
  Producer producer(TestBroker::shared().producer_options());
  producer.produce("a message");
  ASSERT_EQ(producer.flush(10s), 0U);
  static_cast<void>(producer.poll());
  const PendingDelivery event = PendingDelivery::start(producer, "an event", {});
  EXPECT_EQ(producer.flush(10s), 0U);
  EXPECT_TRUE(event.is_done());
  EXPECT_EQ(producer.poll(), 1U);
}

TEST(Delivery, WorksOverSaslPlaintext) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.bootstrap_servers = TestBroker::shared().sasl_plaintext();
  options.use_ssl = false;
  Producer producer(options);
  EXPECT_GE(producer.deliver("plain").offset.value(), 0);
}

TEST(Delivery, NeedsNoTokenOverPlaintext) {
  ProducerOptions options;
  options.bootstrap_servers = TestBroker::shared().plaintext();
  options.service_url = "http://localhost:8000/api/";
  options.topic = "test";
  options.kafka_config = {{"security.protocol", "plaintext"}};
  Producer producer(options);
  EXPECT_GE(producer.deliver("open").offset.value(), 0);
}

TEST(Delivery, SerializesJson) {
  Producer producer(TestBroker::shared().producer_options());
  const std::string mark = unique_name("json");
  producer.deliver(nlohmann::json{{"graceid", mark}});
  Consumer consumer(from_earliest({"test"}));
  const auto messages = read_messages(consumer, 1, R"({"graceid":")" + mark);
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages.front().json().at("graceid"), mark);
}

TEST(Delivery, KeepsTheOrderOfAKey) {
  Producer producer(TestBroker::shared().producer_options());
  const std::string mark = unique_name("ordered ");
  constexpr int count = 2000;
  for (int i = 0; i < count; ++i)
    producer.produce(mark + std::to_string(i), {.key = "same"});
  EXPECT_EQ(producer.flush(20s), 0U);

  Consumer consumer(from_earliest({"test"}));
  const auto messages = read_messages(consumer, count, mark);
  ASSERT_THAT(messages, SizeIs(count));
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(messages[static_cast<std::size_t>(i)].value, mark + std::to_string(i));
}

TEST(Delivery, ReportsEachMessageOnceOnAThreadOfTheProducer) {
  Producer producer(TestBroker::shared().producer_options());
  std::vector<int> reported;
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    producer.produce("counted", {.on_delivery = [&, i](const DeliveryReport& report) {
                       EXPECT_FALSE(report.error);
                       EXPECT_EQ(report.value, "counted");
                       EXPECT_EQ(report.topic, "localhost.test");
                       EXPECT_TRUE(report.offset);
                       reported.push_back(i);
                       threads.push_back(std::this_thread::get_id());
                     }});
  }
  EXPECT_EQ(producer.flush(20s), 0U);
  EXPECT_THAT(reported, SizeIs(100));
  EXPECT_THAT(threads, testing::Each(threads.front()));
  EXPECT_NE(threads.front(), std::this_thread::get_id());
  EXPECT_EQ(producer.pending_messages(), 0U);
}

TEST(Delivery, RethrowsTheFirstExceptionOfACallbackFromFlush) {
  Producer producer(TestBroker::shared().producer_options());
  int reports = 0;
  for (int i = 0; i < 3; ++i) {
    producer.produce("x", {.on_delivery = [&](const DeliveryReport&) {
                       ++reports;
                       throw std::runtime_error("callback of the caller");
                     }});
  }
  EXPECT_THROW(producer.flush(20s), std::runtime_error);
  EXPECT_EQ(reports, 3);
  EXPECT_EQ(producer.flush(20s), 0U);
}

TEST(Delivery, RefusesToWaitInsideACallback) {
  Producer producer(TestBroker::shared().producer_options());
  producer.produce("x", {.on_delivery = [&](const DeliveryReport&) { producer.flush(); }});
  EXPECT_THROW(producer.flush(20s), KafkaProducerError);
  producer.produce("x", {.on_delivery = [&](const DeliveryReport&) { producer.deliver("y"); }});
  EXPECT_THROW(producer.flush(20s), KafkaProducerError);
}

TEST(Delivery, RefusesToCloseInsideACallbackAndLosesNothing) {
  Producer producer(TestBroker::shared().producer_options());
  int reports = 0;
  producer.produce("first", {.on_delivery = [&](const DeliveryReport& report) {
                     EXPECT_FALSE(report.error);
                     ++reports;
                     producer.close();
                   }});
  producer.produce("second", {.on_delivery = [&](const DeliveryReport& report) {
                     EXPECT_FALSE(report.error);
                     ++reports;
                   }});
  EXPECT_THROW(producer.flush(20s), KafkaProducerError);
  EXPECT_EQ(producer.flush(20s), 0U);
  EXPECT_EQ(reports, 2);
  EXPECT_TRUE(producer.deliver("still open").offset);
  EXPECT_EQ(producer.close(), 0U);
}

TEST(Delivery, AllowsToProduceInsideACallback) {
  Producer producer(TestBroker::shared().producer_options());
  bool second_reported = false;
  producer.produce("first", {.on_delivery = [&](const DeliveryReport&) {
                     producer.produce(
                         "second", {.on_delivery = [&](const DeliveryReport&) { second_reported = true; }});
                   }});
  EXPECT_EQ(producer.flush(20s), 0U);
  EXPECT_TRUE(second_reported);
}

TEST(Delivery, IsSharedByManyThreads) {
  Producer producer(TestBroker::shared().producer_options());
  std::vector<std::int64_t> offsets(std::size_t{8} * 25);
  {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::size_t i = 0; i < 25; ++i)
          offsets[thread * 25 + i] = producer.deliver("shared").offset.value();
      });
    }
  }
  std::sort(offsets.begin(), offsets.end());
  EXPECT_EQ(std::unique(offsets.begin(), offsets.end()), offsets.end());
  EXPECT_EQ(producer.pending_messages(), 0U);
}

TEST(Delivery, NamesAMissingTopic) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.topic.reset();
  Producer producer(options);
  try {
    producer.deliver("lost", {.topic = "nosuchpipeline"});
    FAIL() << "delivered to a missing topic";
  } catch (const KafkaTopicError& error) {
    EXPECT_THAT(error.what(), HasSubstr("localhost.nosuchpipeline"));
    EXPECT_FALSE(error.may_have_arrived());
  }
}

TEST(Delivery, FailsOnAReadOnlyTopic) {
  Producer producer(TestBroker::shared().producer_options());
  try {
    producer.deliver("lost", {.topic = "readonly"});
    FAIL() << "delivered to a read-only topic";
  } catch (const KafkaTopicError& error) {
    EXPECT_THAT(error.what(), HasSubstr("permission"));
  }
}

TEST(Delivery, FailsAStrictFlushAfterAFailure) {
  Producer producer(TestBroker::shared().producer_options());
  producer.produce("lost", {.topic = "readonly"});
  EXPECT_THROW(producer.flush(10s, true), KafkaTopicError);
  EXPECT_EQ(producer.flush(10s, true), 0U);
}

TEST(Delivery, RejectsAnOversizedMessageWithoutQueueingIt) {
  Producer producer(TestBroker::shared().producer_options());
  EXPECT_THROW(producer.produce(std::string(producer.message_limit() + 1, 'x')), KafkaProducerError);
  EXPECT_EQ(producer.pending_messages(), 0U);
}

TEST(Delivery, RejectsMessagesAfterClose) {
  Producer producer(TestBroker::shared().producer_options());
  producer.produce("last");
  EXPECT_EQ(producer.close(), 0U);
  EXPECT_THROW(producer.produce("after the end"), KafkaProducerError);
  EXPECT_EQ(producer.flush(), 0U);
  EXPECT_EQ(producer.close(), 0U);
}

TEST(Ping, GoesToTheTestTopicWithTheClaimsOfTheToken) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.topic.reset();
  Producer producer(options);
  const PingResult result = producer.ping();
  EXPECT_EQ(result.topic, "localhost.test");
  EXPECT_GE(result.offset, 0);
  const auto message = nlohmann::json::parse(result.message);
  EXPECT_EQ(message.at("type"), "ping");
  EXPECT_EQ(message.at("client"), "gracedb-kafka");
  EXPECT_EQ(message.at("sub"), "pipeline");
  EXPECT_THAT(message.at("scope").get<std::string>(), HasSubstr("kafka.produce"));
}

TEST(ListTopics, NeedsNoProducer) {
  const ProducerOptions options = TestBroker::shared().producer_options();
  const auto topics = list_topics({.bootstrap_servers = options.bootstrap_servers,
                                   .ca_cert_path = options.ca_cert_path,
                                   .oauth_callback = options.oauth_callback});
  EXPECT_THAT(topics, testing::Contains(testing::Field(&TopicInfo::name, "localhost.test")));
}

TEST(Construction, NamesTheInstancesThatHaveTopics) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.instance_name = "gracedb-nowhere";
  options.topic.reset();
  try {
    const Producer producer(options);
    FAIL() << "constructed";
  } catch (const KafkaTopicError& error) {
    EXPECT_THAT(error.what(), HasSubstr("gracedb-nowhere"));
    EXPECT_THAT(error.what(), HasSubstr("localhost"));
  }
}

TEST(Construction, FailsOnAMissingOrForbiddenDefaultTopic) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.topic = "nosuchpipeline";
  EXPECT_THROW(Producer{options}, KafkaTopicError);
  options.topic = "forbidden";
  EXPECT_THROW(Producer{options}, KafkaTopicError);
}

TEST(Construction, FailsWithinSecondsWithoutABroker) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.bootstrap_servers = "localhost:1";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW(Producer{options}, KafkaConnectionError);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 8s);
}

TEST(Construction, FailsOnACertificateOfAnUnknownAuthority) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.ca_cert_path.reset();
  try {
    const Producer producer(options);
    FAIL() << "constructed";
  } catch (const KafkaConnectionError& error) {
    EXPECT_THAT(error.what(), HasSubstr("certificate"));
  }
}

}  // namespace
}  // namespace gracedb::kafka
