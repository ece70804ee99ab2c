#include "sandbox/kafka_handle.hpp"

#include "core/log.hpp"

#include <array>
#include <stdexcept>

namespace gracedb::sandbox {
namespace {

constexpr log::Logger logger{"gracedb.sandbox.kafka"};

void forward_log(const rd_kafka_t* /*client*/, int level, const char* facility, const char* text) {
  constexpr int syslog_warning = 4;
  if (level <= syslog_warning) {
    logger.info("{}: {}", facility, text);
  } else {
    logger.debug("{}: {}", facility, text);
  }
}

}  // namespace

KafkaConfig make_kafka_config(const std::map<std::string, std::string>& properties) {
  KafkaConfig config(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(config.get(), forward_log);
  std::array<char, 512> error{};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(config.get(), name.c_str(), value.c_str(), error.data(), error.size()) !=
        RD_KAFKA_CONF_OK) {
      throw std::invalid_argument("Kafka property '" + name + "': " + error.data());
    }
  }
  return config;
}

KafkaClient make_kafka_producer(KafkaConfig config) {
  std::array<char, 512> error{};
  KafkaClient client(rd_kafka_new(RD_KAFKA_PRODUCER, config.get(), error.data(), error.size()));
  if (!client) throw std::runtime_error(std::string("cannot make a Kafka producer: ") + error.data());
  static_cast<void>(config.release());  // the client owns it now
  return client;
}

}  // namespace gracedb::sandbox
