#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include "kafka/config.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace gracedb::kafka {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

ProducerOptions offline_options() {
  ProducerOptions options;
  options.bootstrap_servers = "localhost:1";
  options.instance_name = "gracedb-test";
  options.kafka_config = {{"security.protocol", "plaintext"}};
  options.check_for_topics = false;
  return options;
}

ConsumerOptions offline_consumer_options() {
  ConsumerOptions options;
  options.bootstrap_servers = "localhost:1";
  options.instance_name = "gracedb-test";
  options.kafka_config = {{"security.protocol", "plaintext"}};
  options.check_for_topics = false;
  return options;
}

std::string fault_of(const ProducerOptions& options) {
  try {
    const Producer producer(options);
    return {};
  } catch (const std::invalid_argument& fault) {
    return fault.what();
  }
}

TEST(ProducerOptions, HaveTheDefaultsOfTheSpecification) {
  const ProducerOptions options;
  EXPECT_FALSE(options.topic);
  EXPECT_TRUE(options.use_ssl);
  EXPECT_FALSE(options.skip_hostname_verification);
  EXPECT_EQ(options.token_scope, "kafka.produce");
  EXPECT_TRUE(options.reload_cred);
  EXPECT_EQ(options.reload_buffer, std::chrono::seconds(300));
  EXPECT_EQ(options.flush_timeout, std::chrono::seconds(10));
  EXPECT_TRUE(options.guaranteed_delivery);
  EXPECT_TRUE(options.validate_token);
  EXPECT_TRUE(options.check_for_topics);
}

TEST(ConsumerOptions, HaveTheDefaultsOfTheSpecification) {
  const ConsumerOptions options;
  EXPECT_FALSE(options.group_id);
  EXPECT_EQ(options.token_scope, "kafka.consume");
  EXPECT_EQ(options.auto_offset_reset, "latest");
  EXPECT_EQ(options.reload_buffer, std::chrono::seconds(300));
}

TEST(ProducerOptions, NeedExactlyOneOfInstanceNameAndServiceUrl) {
  ProducerOptions options = offline_options();
  EXPECT_EQ(fault_of(options), "");
  options.service_url = "https://gracedb-test.ligo.org/api/";
  EXPECT_THAT(fault_of(options), HasSubstr("both given"));
  options.instance_name.reset();
  EXPECT_EQ(fault_of(options), "");
  EXPECT_EQ(Producer(options).instance_name(), "gracedb-test");
  options.service_url.reset();
  EXPECT_THAT(fault_of(options), HasSubstr("neither instance_name nor service_url"));
}

TEST(ProducerOptions, ReportAllFaultsInOneMessage) {
  ProducerOptions options = offline_options();
  options.bootstrap_servers.clear();
  options.instance_name.reset();
  options.topic = "not a topic";
  options.flush_timeout = std::chrono::milliseconds(-1);
  options.kafka_config["no.such.property"] = "1";
  options.kafka_config["linger.ms"] = "soon";
  EXPECT_THAT(fault_of(options),
              AllOf(HasSubstr("bootstrap_servers"), HasSubstr("instance_name"), HasSubstr("not a topic"),
                    HasSubstr("flush_timeout"), HasSubstr("no.such.property"), HasSubstr("linger.ms")));
}

TEST(ProducerOptions, RejectPropertiesThatWeakenGuaranteedDelivery) {
  ProducerOptions options = offline_options();
  options.kafka_config["acks"] = "1";
  EXPECT_THAT(fault_of(options), HasSubstr("acks"));
  options.guaranteed_delivery = false;
  EXPECT_EQ(fault_of(options), "");
}

TEST(ProducerOptions, NameAnUnreadableCertificate) {
  ProducerOptions options = offline_options();
  options.ca_cert_path = "/no/such/ca.pem";
  EXPECT_THAT(fault_of(options), HasSubstr("/no/such/ca.pem"));
}

TEST(ProducerOptions, ApplyKafkaConfigLast) {
  ProducerOptions options = offline_options();
  options.kafka_config["message.max.bytes"] = "2000";
  EXPECT_EQ(Producer(options).message_limit(), 2000U);
}

TEST(ProducerOptions, LimitMessagesToTheSizeOfTheQueue) {
  ProducerOptions options = offline_options();
  options.topic = "test";
  options.kafka_config["queue.buffering.max.kbytes"] = "2";
  Producer producer(options);
  EXPECT_EQ(producer.message_limit(), 2048U);
  EXPECT_THAT([&] { producer.produce(std::string(3000, 'x')); },
              ThrowsMessage<KafkaProducerError>(HasSubstr("larger than")));
}

TEST(ProducerOptions, LimitTheQueueTo128MiB) {
  ProducerOptions options = offline_options();
  options.topic = "test";
  options.queue_full_timeout = std::chrono::milliseconds(0);
  Producer producer(options);
  const std::string mebibyte(std::size_t{1} << 20U, 'x');
  for (int i = 0; i < 128; ++i)
    producer.produce(mebibyte);
  EXPECT_THROW(producer.produce(mebibyte), KafkaProducerError);
  producer.close(std::chrono::milliseconds(0));
}

TEST(ProducerOptions, HaveRoomForTheLargestMessage) {
  ProducerOptions options = offline_options();
  options.topic = "test";
  options.queue_full_timeout = std::chrono::milliseconds(0);
  options.kafka_config["message.max.bytes"] = "40000000";
  Producer producer(options);
  std::string large;
  large.resize(39'000'000, 'x');
  EXPECT_NO_THROW(producer.produce(std::move(large)));
  producer.close(std::chrono::milliseconds(0));
}

TEST(ProducerOptions, NeedATopic) {
  Producer producer(offline_options());
  EXPECT_THROW(producer.produce("x"), std::invalid_argument);
  EXPECT_THROW(producer.produce("x", {.topic = "two words"}), std::invalid_argument);
}

TEST(ConsumerOptions, RejectAnUnknownAutoOffsetReset) {
  ConsumerOptions options = offline_consumer_options();
  options.auto_offset_reset = "yesterday";
  EXPECT_THROW(Consumer{options}, std::invalid_argument);
}

TEST(ConsumerOptions, KeepAGivenGroup) {
  ConsumerOptions options = offline_consumer_options();
  options.group_id = "my-pipeline";
  EXPECT_EQ(Consumer(options).group_id(), "my-pipeline");
  options.group_id = "";
  EXPECT_THROW(Consumer{options}, std::invalid_argument);
}

TEST(ConsumerOptions, NeedATopicToSubscribeTo) {
  Consumer consumer(offline_consumer_options());
  EXPECT_THROW(consumer.subscribe({}), KafkaConsumerError);
}

class ClientConfig : public testing::Test {
 protected:
  std::string effective(const char* name) {
    OptionFaults faults;
    const ConfHandle config = make_config(settings, {}, faults);
    faults.raise("test");
    return property(config.get(), name);
  }

  KafkaConnection settings = connection_of(ProducerOptions{.bootstrap_servers = "localhost:9092"});
};

TEST_F(ClientConfig, LogsInWithATokenOverTlsByDefault) {
  EXPECT_EQ(effective("security.protocol"), "sasl_ssl");
  EXPECT_EQ(effective("sasl.mechanisms"), "OAUTHBEARER");
  EXPECT_EQ(effective("ssl.endpoint.identification.algorithm"), "https");
  EXPECT_EQ(effective("message.max.bytes"), "10485760");
  EXPECT_EQ(effective("socket.nagle.disable"), "true");
}

TEST_F(ClientConfig, LogsInWithoutTls) {
  settings.use_ssl = false;
  EXPECT_EQ(effective("security.protocol"), "sasl_plaintext");
}

TEST_F(ClientConfig, UsesTheGivenCertificatesAndSkipsTheHostName) {
  const test_support::TemporaryDirectory directory;
  settings.ca_cert_path = directory.write("ca.pem", "certificate").string();
  settings.skip_hostname_verification = true;
  EXPECT_EQ(effective("ssl.ca.location"), *settings.ca_cert_path);
  EXPECT_EQ(effective("ssl.endpoint.identification.algorithm"), "none");
}

TEST_F(ClientConfig, AcceptsSaslMechanism) {
  settings.kafka_config = {{"sasl.mechanism", "PLAIN"}};
  EXPECT_EQ(effective("sasl.mechanisms"), "PLAIN");
}

}  // namespace
}  // namespace gracedb::kafka
