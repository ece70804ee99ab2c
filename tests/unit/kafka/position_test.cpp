#include "gracedb/kafka/consumer.hpp"

#include "support/mock_kafka.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;

// librdkafka's own look-up would end the process here.
TEST(Position, ThatTheBrokerDoesNotTellIsAnError) {
  test_support::MockKafka kafka;
  kafka.create_topic("gracedb-test.gstlal");
  kafka.forget_positions();
  Consumer consumer({.bootstrap_servers = kafka.bootstrap_servers(),
                     .topics = {"gstlal"},
                     .instance_name = "gracedb-test",
                     .kafka_config = {{"security.protocol", "plaintext"}}});
  EXPECT_THROW(consumer.poll(20s), KafkaConsumerError);
}

}  // namespace
}  // namespace gracedb::kafka
