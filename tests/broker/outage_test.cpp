#include "kafka/delivery.hpp"
#include "support/temporary_directory.hpp"
#include "test_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;
using test_support::eventually;
using test_support::read_messages;
using test_support::TemporaryDirectory;
using test_support::TestBroker;
using test_support::unique_name;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

/// These stop and start a broker, so they have one of their own.
class Outage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory = std::make_unique<TemporaryDirectory>();
    broker.emplace(TestBroker::start(directory->path()));
  }
  static void TearDownTestSuite() {
    broker.reset();
    directory.reset();
  }

  /// The values of this test on the topic, without the mark that sets them apart from those of others.
  std::vector<std::string> values_on_topic() const {
    ConsumerOptions options = broker->consumer_options({"test"});
    options.auto_offset_reset = "earliest";
    options.group_id = unique_name("check");
    options.track_end = true;
    Consumer consumer(options);
    std::vector<std::string> values;
    for (const Message& message : consumer.stream()) {
      if (message.value.starts_with(mark)) values.push_back(message.value.substr(mark.size()));
    }
    return values;
  }

  inline static std::unique_ptr<TemporaryDirectory> directory;
  inline static std::optional<TestBroker> broker;
  const std::string mark = unique_name("mark") + " ";
};

TEST_F(Outage, DeliversInOrderAfterARestart) {
  Producer producer(broker->producer_options());
  producer.deliver(mark + "before", {.key = "k"});
  broker->stop();
  producer.produce(mark + "during 1", {.key = "k"});
  producer.produce(mark + "during 2", {.key = "k"});
  broker->resume();
  EXPECT_EQ(producer.flush(25s), 0U);
  EXPECT_THAT(values_on_topic(), ElementsAre("before", "during 1", "during 2"));
}

TEST_F(Outage, GivesUpAnEventAfterItsTimeoutAndNeverSendsItLater) {
  ProducerOptions options = broker->producer_options();
  options.flush_timeout = 2s;
  Producer producer(options);
  producer.deliver(mark + "before", {.key = "k"});
  broker->stop();
  std::vector<std::string> reported;
  const auto note = [&](const DeliveryReport& report) {
    EXPECT_FALSE(report.error) << report.error->what();
    reported.push_back(std::string(report.value).substr(mark.size()));
  };
  producer.produce(mark + "message 1", {.key = "k", .headers = {{"h", "1"}}, .on_delivery = note});
  producer.produce(mark + "message 2", {.key = "k", .on_delivery = note});
  const auto start = std::chrono::steady_clock::now();
  try {
    producer.deliver(mark + "event", {.key = "k"});
    FAIL() << "delivered to a stopped broker";
  } catch (const KafkaMessageDeliveryError& error) {
    EXPECT_THAT(error.what(), HasSubstr("given up"));
    EXPECT_TRUE(error.is_retriable());
    EXPECT_EQ(error.code(), KafkaErrorCode::timed_out);
  }
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_GE(waited, 2s);
  EXPECT_LT(waited, 4s);  // librdkafka looks for timeouts once a second
  EXPECT_EQ(producer.pending_messages(), 2U);

  broker->resume();
  EXPECT_EQ(producer.flush(25s), 0U);
  EXPECT_THAT(reported, ElementsAre("message 1", "message 2"));
  EXPECT_TRUE(producer.deliver(mark + "afterwards", {.key = "k"}).offset);
  EXPECT_THAT(values_on_topic(), UnorderedElementsAre("before", "message 1", "message 2", "afterwards"));
}

TEST_F(Outage, SaysWhichEventsOfAFrozenBrokerMayHaveArrived) {
  ProducerOptions options = broker->producer_options();
  options.flush_timeout = 2s;
  options.kafka_config = {{"batch.num.messages", "1"}};  // one message per request
  Producer producer(options);
  producer.deliver(mark + "before", {.key = "k"});
  broker->freeze();
  PendingDelivery in_flight = PendingDelivery::start(producer, mark + "in flight", {.key = "k"});
  // The request leaves at once; a second one must wait for its answer (max.in.flight=1).
  PendingDelivery queued = PendingDelivery::start(producer, mark + "queued", {.key = "k"});
  const auto may_have_arrived = [](PendingDelivery& delivery) {
    try {
      delivery.wait();
    } catch (const KafkaMessageDeliveryError& error) {
      return error.may_have_arrived();
    }
    ADD_FAILURE() << "delivered to a frozen broker";
    return false;
  };
  EXPECT_TRUE(may_have_arrived(in_flight));
  EXPECT_FALSE(may_have_arrived(queued));
  broker->thaw();

  // The same client goes on.
  EXPECT_TRUE(eventually([&] {
    try {
      return producer.deliver(mark + "afterwards", {.key = "k"}).offset.has_value();
    } catch (const KafkaMessageDeliveryError&) {
      return false;
    }
  }));
  const std::vector<std::string> values = values_on_topic();
  EXPECT_THAT(values, Contains("afterwards"));
  EXPECT_THAT(values, Not(Contains("queued")));
}

TEST_F(Outage, KeepsAConsumerWorkingAcrossARestart) {
  ConsumerOptions options = broker->consumer_options({"test"});
  options.auto_offset_reset = "earliest";
  Consumer consumer(options);
  ProducerOptions producer_options = broker->producer_options();
  producer_options.flush_timeout = 25s;
  Producer producer(producer_options);
  producer.deliver(mark + "one");
  EXPECT_THAT(read_messages(consumer, 1, mark + "one"), SizeIs(1));
  broker->stop();
  EXPECT_FALSE(consumer.poll(1s));
  broker->resume();
  producer.deliver(mark + "two");
  EXPECT_THAT(read_messages(consumer, 1, mark + "two"), SizeIs(1));
}

TEST_F(Outage, ClosesWithinItsTimeoutAndReportsLostMessages) {
  auto producer = std::make_unique<Producer>(broker->producer_options());
  auto consumer = std::make_unique<Consumer>(broker->consumer_options({"test"}));
  ASSERT_TRUE(eventually([&] {
    consumer->poll(100ms);
    return !consumer->assignment().empty();
  }));
  broker->stop();
  std::optional<KafkaMessageDeliveryError> failure;
  producer->produce(mark + "lost",
                    {.on_delivery = [&](const DeliveryReport& report) { failure = report.error; }});
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(producer->close(500ms), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  ASSERT_TRUE(failure);

  start = std::chrono::steady_clock::now();
  consumer->close(1s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  broker->resume();
}

TEST_F(Outage, ClosesAConsumerWithAnUnansweredCommit) {
  Producer producer(broker->producer_options());
  ConsumerOptions options = broker->consumer_options({"test"});
  options.auto_offset_reset = "earliest";
  Consumer consumer(options);
  producer.deliver(mark + "read");
  EXPECT_THAT(read_messages(consumer, 1, mark + "read"), SizeIs(1));
  broker->freeze();
  const auto start = std::chrono::steady_clock::now();
  consumer.close(1s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
  broker->thaw();
}

TEST_F(Outage, ProduceWaitsForRoomForALimitedTime) {
  ProducerOptions options = broker->producer_options();
  options.kafka_config = {{"queue.buffering.max.messages", "10"}};
  options.queue_full_timeout = 300ms;
  Producer producer(options);
  broker->stop();
  for (int i = 0; i < 10; ++i)
    producer.produce(mark + std::to_string(i), {.key = "k"});
  const auto start = std::chrono::steady_clock::now();
  try {
    producer.produce(mark + "one too many", {.key = "k"});
    FAIL() << "a full queue accepted a message";
  } catch (const KafkaProducerError& error) {
    EXPECT_TRUE(error.is_retriable());
    EXPECT_THAT(error.what(), HasSubstr("10 pending"));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 300ms);
  broker->resume();
  EXPECT_EQ(producer.flush(25s), 0U);
  EXPECT_THAT(values_on_topic(), SizeIs(10));
}

}  // namespace
}  // namespace gracedb::kafka
