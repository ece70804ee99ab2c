#pragma once

#include "gracedb/auth/token.hpp"

#include "kafka/handles.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::kafka {

using Properties = std::map<std::string, std::string>;

/// What ProducerOptions and ConsumerOptions have in common.
struct ClientSettings {
  std::string bootstrap_servers;
  std::optional<std::string> instance_name;
  std::optional<std::string> service_url;
  bool use_ssl = true;
  std::optional<std::string> ca_cert_path;
  bool skip_hostname_verification = false;
  std::string token_scope;
  std::optional<std::string> token_audience;
  bool reload_cred = true;
  std::chrono::seconds reload_buffer{300};
  auth::OAuthCallback oauth_callback;
  bool validate_token = true;
  Properties kafka_config;

  template <typename Options>
  static ClientSettings from(const Options& options) {
    return {options.bootstrap_servers, options.instance_name,  options.service_url,
            options.use_ssl,           options.ca_cert_path,   options.skip_hostname_verification,
            options.token_scope,       options.token_audience, options.reload_cred,
            options.reload_buffer,     options.oauth_callback, options.validate_token,
            options.kafka_config};
  }
};

/// Collects what is wrong with a set of options, to be told all at once.
class Faults {
 public:
  void add(std::string fault) { faults_.push_back(std::move(fault)); }
  /// @throws std::invalid_argument  any fault; "<what>: <fault>; <fault>; …"
  void raise(std::string_view what) const;

 private:
  std::vector<std::string> faults_;
};

/// librdkafka's configuration: our defaults for every client, then `defaults`, then the caller's
/// kafka_config.
ConfHandle make_config(const ClientSettings& settings, const Properties& defaults, Faults& faults);

/// One effective property; empty where it is not set.
std::string property(const rd_kafka_conf_t* config, const char* name);
/// One that is a number; 0 where it is not set.
std::size_t number_property(const rd_kafka_conf_t* config, const char* name);

/// True if the configuration logs in with a token of ours.
bool needs_token(const rd_kafka_conf_t* config);

/// The instance name, given or derived from the service URL; a fault where none or both are given.
std::string instance_name_of(const ClientSettings& settings, Faults& faults);

/// The namespaced topic; a fault where the pipeline is not a legal topic name.
std::string checked_topic(std::string_view instance_name, std::string_view pipeline, Faults& faults);

}  // namespace gracedb::kafka
