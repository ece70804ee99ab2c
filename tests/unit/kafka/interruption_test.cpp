#include "gracedb/interruption.hpp"

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include "support/mock_kafka.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;
using test_support::MockKafka;
using Clock = std::chrono::steady_clock;

struct Stop : std::exception {};

/// Interrupts `call` after a moment; how long it went on after that.
Clock::duration time_to_end(const std::function<void()>& call) {
  const auto due = Clock::now() + 150ms;
  Interruptible interruptible([&] {
    if (Clock::now() >= due) throw Stop();
  });
  EXPECT_THROW(call(), Stop);
  return Clock::now() - due;
}

/// A broker that answers nothing for as long as a test lasts.
class Interruption : public testing::Test {
 protected:
  ProducerOptions producer_options() const {
    ProducerOptions options;
    options.bootstrap_servers = kafka_.bootstrap_servers();
    options.topic = "test";
    options.instance_name = "localhost";
    options.check_for_topics = false;
    options.kafka_config = {{"security.protocol", "plaintext"}};
    return options;
  }
  ConsumerOptions consumer_options() const {
    ConsumerOptions options;
    options.bootstrap_servers = kafka_.bootstrap_servers();
    options.topics = {"test"};
    options.instance_name = "localhost";
    options.check_for_topics = false;
    options.kafka_config = {{"security.protocol", "plaintext"}};
    return options;
  }
  void SetUp() override { kafka_.set_delay(20s); }

  MockKafka kafka_;
};

TEST_F(Interruption, EndsAFlush) {
  Producer producer(producer_options());
  producer.produce("waits");
  EXPECT_LT(time_to_end([&] { producer.flush(); }), 200ms);
  EXPECT_EQ(producer.pending_messages(), 1U);
  producer.close(0ms);
}

TEST_F(Interruption, EndsTheWaitForADeliveryAndLeavesItsMessageInFlight) {
  Producer producer(producer_options());
  EXPECT_LT(time_to_end([&] { producer.deliver("waits"); }), 200ms);
  EXPECT_EQ(producer.pending_messages(), 1U);
  producer.close(0ms);
}

TEST_F(Interruption, EndsAPollOfAProducer) {
  Producer producer(producer_options());
  producer.produce("waits");
  EXPECT_LT(time_to_end([&] { producer.poll(20s); }), 200ms);
  producer.close(0ms);
}

TEST_F(Interruption, EndsCloseWhichReleasesTheProducer) {
  Producer producer(producer_options());
  producer.produce("waits");
  EXPECT_LT(time_to_end([&] { producer.close(20s); }), 500ms);
  EXPECT_THROW(producer.produce("too late"), KafkaProducerError);
}

TEST_F(Interruption, EndsTheCheckOfTopicsAtConstruction) {
  ProducerOptions options = producer_options();
  options.check_for_topics = true;
  EXPECT_LT(time_to_end([&] { const Producer producer(options); }), 500ms);
}

TEST_F(Interruption, EndsAPollOfAConsumer) {
  Consumer consumer(consumer_options());
  EXPECT_LT(time_to_end([&] { consumer.poll(20s); }), 200ms);
}

TEST_F(Interruption, EndsABatch) {
  Consumer consumer(consumer_options());
  EXPECT_LT(time_to_end([&] { consumer.poll_batch(10, 20s); }), 200ms);
}

TEST_F(Interruption, LetsAPollEndOnceItsConsumerIsClosedMeanwhile) {
  Consumer consumer(consumer_options());
  Interruptible interruptible([&] { consumer.close(100ms); });
  EXPECT_THROW(consumer.poll(20s), KafkaConsumerError);
}

}  // namespace
}  // namespace gracedb::kafka
