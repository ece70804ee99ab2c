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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// These stop and start a broker, so they have one of their own.
class Outage : public testing::Test {
 protected:
  std::vector<std::string> values_on_topic() const {
    ConsumerOptions options = broker.consumer_options({"test"});
    options.auto_offset_reset = "earliest";
    options.group_id = unique_name("check");
    options.track_end = true;
    Consumer consumer(options);
    std::vector<std::string> values;
    for (const Message& message : consumer.stream())
      values.push_back(message.value);
    return values;
  }

  TemporaryDirectory directory;
  TestBroker broker = TestBroker::start(directory.path());
};

TEST_F(Outage, DeliversInOrderWhatWasProducedWhileTheBrokerWasAway) {
  Producer producer(broker.producer_options());
  producer.deliver("before", {.key = "k"}, 10s);
  broker.stop();
  producer.produce("during 1", {.key = "k"});
  producer.produce("during 2", {.key = "k"});
  broker.resume();
  EXPECT_EQ(producer.flush(20s), 0U);
  EXPECT_THAT(values_on_topic(), ElementsAre("before", "during 1", "during 2"));
}

TEST_F(Outage, WithdrawsTheGivenUpMessageAndLeavesItsNeighbours) {
  Producer producer(broker.producer_options());
  producer.deliver("before", {.key = "k"}, 10s);
  broker.stop();
  std::vector<std::string> reported;
  const auto note = [&](const DeliveryReport& report) {
    EXPECT_FALSE(report.error) << report.error->what();
    reported.emplace_back(report.value);
  };
  producer.produce("neighbour 1", {.key = "k", .headers = {{"h", "1"}}, .on_delivery = note});
  producer.produce("neighbour 2", {.key = "k", .on_delivery = note});
  try {
    producer.deliver("given up", {.key = "k"}, 1s);
    FAIL() << "delivered to a stopped broker";
  } catch (const KafkaMessageDeliveryError& error) {
    EXPECT_FALSE(error.may_have_arrived()) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("withdrawn"));
  }
  producer.produce("neighbour 3", {.key = "k", .on_delivery = note});
  EXPECT_EQ(producer.pending_messages(), 3U);
  EXPECT_THAT(reported, IsEmpty());

  broker.resume();
  EXPECT_EQ(producer.flush(20s), 0U);
  EXPECT_THAT(reported, ElementsAre("neighbour 1", "neighbour 2", "neighbour 3"));
  EXPECT_THAT(values_on_topic(), ElementsAre("before", "neighbour 1", "neighbour 2", "neighbour 3"));
}

TEST_F(Outage, KeepsAConsumerWorkingAcrossARestart) {
  ConsumerOptions options = broker.consumer_options({"test"});
  options.auto_offset_reset = "earliest";
  Consumer consumer(options);
  Producer producer(broker.producer_options());
  producer.deliver("one", {}, 10s);
  EXPECT_THAT(read_messages(consumer, 1, "one"), SizeIs(1));
  broker.stop();
  EXPECT_FALSE(consumer.poll(1s));
  broker.resume();
  producer.deliver("two", {}, 20s);
  EXPECT_THAT(read_messages(consumer, 1, "two"), SizeIs(1));
}

TEST_F(Outage, ClosesWithinItsBoundAndSaysWhatIsLost) {
  auto producer = std::make_unique<Producer>(broker.producer_options());
  auto consumer = std::make_unique<Consumer>(broker.consumer_options({"test"}));
  eventually([&] {
    consumer->poll(100ms);
    return !consumer->assignment().empty();
  });
  broker.stop();
  std::optional<KafkaMessageDeliveryError> failure;
  producer->produce("lost", {.on_delivery = [&](const DeliveryReport& report) { failure = report.error; }});
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(producer->close(500ms), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  ASSERT_TRUE(failure);

  start = std::chrono::steady_clock::now();
  consumer->close(1s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
}

TEST_F(Outage, MakesProduceWaitForRoomWithinABoundAndThenThrow) {
  ProducerOptions options = broker.producer_options();
  options.kafka_config = {{"queue.buffering.max.messages", "10"}};
  options.queue_full_timeout = 300ms;
  Producer producer(options);
  broker.stop();
  for (int i = 0; i < 10; ++i)
    producer.produce("queued " + std::to_string(i), {.key = "k"});
  const auto start = std::chrono::steady_clock::now();
  try {
    producer.produce("one too many", {.key = "k"});
    FAIL() << "a full queue took a message";
  } catch (const KafkaProducerError& error) {
    EXPECT_TRUE(error.is_retriable());
    EXPECT_THAT(error.what(), HasSubstr("10 are pending"));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 300ms);
  broker.resume();
  producer.produce("after", {.key = "k"});
  EXPECT_EQ(producer.flush(20s), 0U);
  EXPECT_THAT(values_on_topic(), SizeIs(11));
}

}  // namespace
}  // namespace gracedb::kafka
