#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <string>

/// librdkafka's objects with their owners.
namespace gracedb::sandbox {

struct KafkaConfigFreer {
  void operator()(rd_kafka_conf_t* config) const { rd_kafka_conf_destroy(config); }
};
struct KafkaFreer {
  void operator()(rd_kafka_t* client) const {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
};
using KafkaConfig = std::unique_ptr<rd_kafka_conf_t, KafkaConfigFreer>;
using KafkaClient = std::unique_ptr<rd_kafka_t, KafkaFreer>;

/// A configuration with these properties whose log lines go to ours.
/// @throws std::invalid_argument  names the property
KafkaConfig make_kafka_config(const std::map<std::string, std::string>& properties);

/// @throws std::runtime_error
KafkaClient make_kafka_producer(KafkaConfig config);

}  // namespace gracedb::sandbox
