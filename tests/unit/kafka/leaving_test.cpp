#include "gracedb/kafka/consumer.hpp"

#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;

TEST(Leaving, DoesNotEndTheProcessOfAMemberThatHasNeverHadAShare) {
  test_support::MockKafka kafka;
  kafka.create_topic("gracedb-test.gstlal");
  kafka.keep_shares();
  test_support::CapturedLog log;
  Consumer consumer({.bootstrap_servers = kafka.bootstrap_servers(),
                     .topics = {"gstlal"},
                     .instance_name = "gracedb-test",
                     .kafka_config = {{"security.protocol", "plaintext"},
                                      {"partition.assignment.strategy", "cooperative-sticky"},
                                      {"debug", "cgrp"}}});
  ASSERT_TRUE(log.wait_for("SyncGroup error", 20s));
  consumer.close(5s);
  EXPECT_THROW(consumer.poll(0ms), KafkaConsumerError);
}

}  // namespace
}  // namespace gracedb::kafka
