#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include "support/mock_kafka.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// A broker that does not know a producer accepts any sequence number of its first message.
TEST(FirstRequest, IsNotAcknowledgedByTheSecondOne) {
  const std::map<std::string, std::string> plaintext{{"security.protocol", "plaintext"}};
  test_support::MockKafka kafka;
  kafka.create_topic("gracedb-test.gstlal");
  ProducerOptions options{.bootstrap_servers = kafka.bootstrap_servers(),
                          .topic = "gstlal",
                          .instance_name = "gracedb-test",
                          .kafka_config = plaintext};
  options.kafka_config["batch.num.messages"] = "1";
  Producer producer(options);
  kafka.refuse_next_message(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  for (const char* value : {"first", "second", "third"})
    producer.produce(std::string(value));
  ASSERT_EQ(producer.flush(20s), 0U);

  Consumer consumer({.bootstrap_servers = kafka.bootstrap_servers(),
                     .topics = {"gstlal"},
                     .instance_name = "gracedb-test",
                     .auto_offset_reset = "earliest",
                     .track_end = true,
                     .kafka_config = plaintext});
  std::vector<std::string> there;
  for (const Message& message : consumer.stream())
    there.push_back(message.value);
  EXPECT_THAT(there, ElementsAre("first", "second", "third"));
}

}  // namespace
}  // namespace gracedb::kafka
