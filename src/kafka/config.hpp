#pragma once

#include "gracedb/kafka/connection.hpp"

#include "kafka/librdkafka.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::kafka {

using Properties = std::map<std::string, std::string>;

/// The part of ProducerOptions and ConsumerOptions that concerns the connection.
template <typename Options>
KafkaConnection connection_of(const Options& options) {
  return {.bootstrap_servers = options.bootstrap_servers,
          .use_ssl = options.use_ssl,
          .ca_cert_path = options.ca_cert_path,
          .skip_hostname_verification = options.skip_hostname_verification,
          .token_scope = options.token_scope,
          .token_audience = options.token_audience,
          .reload_cred = options.reload_cred,
          .reload_buffer = options.reload_buffer,
          .oauth_callback = options.oauth_callback,
          .validate_token = options.validate_token,
          .kafka_config = options.kafka_config};
}

/// Collects every fault of a set of options, so that one error reports all.
class OptionFaults {
 public:
  void add(std::string fault) { faults_.push_back(std::move(fault)); }
  /// @throws std::invalid_argument  any fault; "<what>: <fault>; <fault>; …"
  void raise(std::string_view what) const;

 private:
  std::vector<std::string> faults_;
};

/// librdkafka's configuration: the defaults of every client, then `defaults`, then `connection.kafka_config`.
ConfHandle make_config(const KafkaConnection& connection, const Properties& defaults, OptionFaults& faults);

/// The effective value of a property; empty if it is not set.
std::string property(const rd_kafka_conf_t* config, const char* name);
/// 0 if it is not set.
std::size_t number_property(const rd_kafka_conf_t* config, const char* name);

/// True if the configuration logs in with a bearer token that we supply.
bool needs_token(const rd_kafka_conf_t* config);

/// The instance name, given or derived from the service URL. A fault if none or both are given.
std::string instance_name_of(const std::optional<std::string>& instance_name,
                             const std::optional<std::string>& service_url, OptionFaults& faults);

/// The topic "<instance>.<pipeline>". A fault if it is not a legal topic name.
std::string checked_topic(std::string_view instance_name, std::string_view pipeline, OptionFaults& faults);

}  // namespace gracedb::kafka
