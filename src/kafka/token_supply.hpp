#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "kafka/client_config.hpp"

#include <librdkafka/rdkafka.h>

#include <mutex>
#include <optional>
#include <string>

namespace gracedb::kafka {

/// Hands tokens to librdkafka: when it asks for one, and when we have reason to look for another.
class TokenSupply {
 public:
  explicit TokenSupply(const ClientSettings& settings);

  /// Finds a token without giving it to anybody.
  /// @throws KafkaTokenError
  void validate();

  /// Finds the current token and gives it to `client`; a failure is told to librdkafka, which asks again in
  /// 10 s and reports it as an authentication error.
  void supply(rd_kafka_t* client) noexcept;

  /// Looks for another token than the one in use and gives it to `client`; false where there is none.
  /// @throws KafkaTokenError  there is no usable token at all
  bool renew(rd_kafka_t* client);

  /// The last token given, if it has run out meanwhile.
  bool has_expired() const;

  /// The claims of the token in use, looked up if none has been given yet.
  /// @throws KafkaTokenError
  auth::Claims claims();

 private:
  void give(rd_kafka_t* client, const auth::OAuthToken& token);
  std::chrono::system_clock::time_point ask_again_at(const auth::OAuthToken& token);

  mutable std::mutex mutex_;
  std::optional<auth::SciTokenRefreshManager> manager_;
  auth::OAuthCallback callback_;
  std::optional<auth::OAuthToken> given_;
};

}  // namespace gracedb::kafka
