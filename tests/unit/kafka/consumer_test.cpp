#include "gracedb/kafka/consumer.hpp"

#include "kafka/librdkafka_workarounds.hpp"
#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;

class ConsumerWithMockBroker : public testing::Test {
 protected:
  ConsumerOptions options() const {
    return {.bootstrap_servers = kafka_.bootstrap_servers(),
            .topics = {"gstlal"},
            .instance_name = "gracedb-test",
            .kafka_config = {{"security.protocol", "plaintext"}}};
  }
  void SetUp() override { kafka_.create_topic("gracedb-test.gstlal"); }

  test_support::MockKafka kafka_;
};

// librdkafka < 2.3 aborts the process here (its issue 4312).
TEST_F(ConsumerWithMockBroker, ClosesBeforeTheFirstAssignment) {
  kafka_.reject_sync_group();
  test_support::CapturedLog log;
  ConsumerOptions cooperative = options();
  cooperative.kafka_config["partition.assignment.strategy"] = "cooperative-sticky";
  cooperative.kafka_config["debug"] = "cgrp";
  Consumer consumer(cooperative);
  ASSERT_TRUE(log.wait_for("SyncGroup error", 20s));
  consumer.close(5s);
  EXPECT_THROW(consumer.poll(0ms), KafkaConsumerError);
}

// librdkafka crashes here without the workaround (its issue 4789).
TEST_F(ConsumerWithMockBroker, ThrowsIfTheCommittedOffsetsCannotBeFetched) {
  kafka_.disable_offset_fetch();
  Consumer consumer(options());
  EXPECT_THROW(consumer.poll(20s), KafkaConsumerError);
}

TEST_F(ConsumerWithMockBroker, WakeupEndsTheNextPollIfNoneIsRunning) {
  Consumer consumer(options());
  consumer.wakeup();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(consumer.poll(20s));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(LibrdkafkaVersion, ComparesTheLoadedVersionWithARelease) {
  EXPECT_FALSE(librdkafka_is_older_than(2, 0));  // the oldest that the build accepts
  EXPECT_TRUE(librdkafka_is_older_than(99, 0));
}

}  // namespace
}  // namespace gracedb::kafka
