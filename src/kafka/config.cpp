#include "kafka/config.hpp"

#include "gracedb/kafka/topics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace gracedb::kafka {
namespace {

void set(rd_kafka_conf_t* config, const std::string& name, const std::string& value, OptionFaults& faults) {
  std::array<char, 512> reason{};
  if (rd_kafka_conf_set(config, name.c_str(), value.c_str(), reason.data(), reason.size()) !=
      RD_KAFKA_CONF_OK) {
    faults.add(fmt::format("kafka_config '{}': {}", name, reason.data()));
  }
}

Properties common_defaults(const KafkaConnection& connection) {
  Properties defaults{
      {"bootstrap.servers", connection.bootstrap_servers},
      {"security.protocol", connection.use_ssl ? "sasl_ssl" : "sasl_plaintext"},
      {"sasl.mechanisms", "OAUTHBEARER"},
      {"message.max.bytes", "10485760"},
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      // Reconnect soon after a broker restart or a token renewal.
      {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "2000"},
      // Brokers close idle connections: do not log that.
      {"log.connection.close", "false"},
  };
  if (connection.use_ssl && connection.ca_cert_path) defaults["ssl.ca.location"] = *connection.ca_cert_path;
  if (connection.use_ssl && connection.skip_hostname_verification) {
    defaults["ssl.endpoint.identification.algorithm"] = "none";
  }
  // Since librdkafka 2.5 rd_kafka_destroy() can wait 1 s for the end of its telemetry (KIP-714), even if the broker
  // never asked for any. The property is unknown to earlier versions.
  if (rd_kafka_version() >= 0x02050000) defaults["enable.metrics.push"] = "false";
  return defaults;
}

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
         c == '-';
}

void check(const KafkaConnection& connection, OptionFaults& faults) {
  if (connection.bootstrap_servers.empty()) faults.add("bootstrap_servers is empty; give host:port");
  if (connection.reload_buffer < std::chrono::seconds(0)) faults.add("reload_buffer is negative");
  if (connection.use_ssl && connection.ca_cert_path &&
      ::access(connection.ca_cert_path->c_str(), R_OK) != 0) {
    faults.add(fmt::format("ca_cert_path '{}' cannot be read", *connection.ca_cert_path));
  }
}

}  // namespace

void OptionFaults::raise(std::string_view what) const {
  if (!faults_.empty()) throw std::invalid_argument(fmt::format("{}: {}", what, fmt::join(faults_, "; ")));
}

ConfHandle make_config(const KafkaConnection& connection, const Properties& defaults, OptionFaults& faults) {
  check(connection, faults);
  Properties merged = common_defaults(connection);
  for (const auto& [name, value] : defaults)
    merged[name] = value;
  for (const auto& [name, value] : connection.kafka_config) {
    merged[name == "sasl.mechanism" ? "sasl.mechanisms" : name] = value;
  }
  if (!connection.kafka_config.contains("sasl.mechanisms") &&
      !merged["security.protocol"].starts_with("sasl")) {
    merged.erase("sasl.mechanisms");  // librdkafka warns about an unused mechanism
  }
  ConfHandle config(rd_kafka_conf_new());
  for (const auto& [name, value] : merged) {
    // check() has reported an empty list of brokers.
    if (name != "bootstrap.servers" || !value.empty()) set(config.get(), name, value, faults);
  }
  return config;
}

std::string property(const rd_kafka_conf_t* config, const char* name) {
  std::size_t size = 0;
  if (rd_kafka_conf_get(config, name, nullptr, &size) != RD_KAFKA_CONF_OK || size == 0) return {};
  std::string value(size, '\0');
  rd_kafka_conf_get(config, name, value.data(), &size);
  value.resize(size - 1);
  return value;
}

std::size_t number_property(const rd_kafka_conf_t* config, const char* name) {
  const std::string text = property(config, name);
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool needs_token(const rd_kafka_conf_t* config) {
  return property(config, "security.protocol").starts_with("sasl") &&
         property(config, "sasl.mechanisms") == "OAUTHBEARER" &&
         property(config, "sasl.oauthbearer.method") != "oidc";
}

std::string instance_name_of(const std::optional<std::string>& instance_name,
                             const std::optional<std::string>& service_url, OptionFaults& faults) {
  if (instance_name && service_url) {
    faults.add("instance_name and service_url are both given; give exactly one");
  } else if (!instance_name && !service_url) {
    faults.add("neither instance_name nor service_url is given; give exactly one");
  } else if (instance_name && instance_name->empty()) {
    faults.add("instance_name is empty");
  } else {
    try {
      return instance_name ? *instance_name : derive_instance_name(*service_url);
    } catch (const std::invalid_argument& fault) {
      faults.add(fault.what());
    }
  }
  return {};
}

std::string checked_topic(std::string_view instance_name, std::string_view pipeline, OptionFaults& faults) {
  std::string topic = make_topic_name(instance_name, pipeline);
  if (pipeline.empty()) {
    faults.add("the topic is empty; give a pipeline such as gstlal");
  } else if (topic.size() > 249 || !std::all_of(topic.begin(), topic.end(), is_topic_character)) {
    faults.add(
        fmt::format("'{}' is not a legal topic (letters, digits, '.', '_', '-', 249 at most)", pipeline));
  }
  return topic;
}

}  // namespace gracedb::kafka
