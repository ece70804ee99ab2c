#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/kafka/message.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::kafka {

/// How to reach a Kafka cluster and log in. Producer and Consumer have the same options.
struct KafkaConnection {
  /// "host:port[,host:port…]" (`bootstrap.servers`).
  std::string bootstrap_servers{};

  /// Encrypt by TLS (`security.protocol`: `sasl_ssl`, else `sasl_plaintext`).
  bool use_ssl = true;

  /// PEM file with the certificate authorities to trust (`ssl.ca.location`). Default: those of the system.
  std::optional<std::string> ca_cert_path{};

  /// Accept a certificate for another host name (`ssl.endpoint.identification.algorithm=none`). Only for development.
  bool skip_hostname_verification = false;

  /// The scope that a token must have.
  std::string token_scope = "kafka.consume";

  /// The audience that a token must have. Default: any host of `bootstrap_servers`.
  std::optional<std::string> token_audience{};

  /// Renew the token before it expires.
  bool reload_cred = true;

  /// How long before its expiry a token is renewed, in seconds.
  std::chrono::seconds reload_buffer{300};

  /// Supplies tokens instead of discovery. Called on a background thread.
  auth::OAuthCallback oauth_callback{};

  /// Look for a token at construction and fail at once without one.
  bool validate_token = true;

  /// Any librdkafka property, applied last. With `security.protocol=plaintext` no token is needed.
  std::map<std::string, std::string> kafka_config{};
};

/// The topics that the cluster shows to this token, of every instance, sorted by name.
/// @throws std::invalid_argument     contradictory or unknown options; the message lists every fault
/// @throws KafkaTokenError           no usable token
/// @throws KafkaAuthenticationError  the broker rejects the token
/// @throws KafkaConnectionError      no broker answered within `timeout`
std::vector<TopicInfo> list_topics(const KafkaConnection& connection,
                                   std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

}  // namespace gracedb::kafka
