#pragma once

#include "gracedb/auth/discovery.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::auth {

/// What a Kafka client logs in with.
struct OAuthToken {
  std::string token{};                              ///< the serialized JWT
  std::chrono::system_clock::time_point expires{};  ///< its `exp`; far in the future where it has none
  std::string principal{};                          ///< its `sub`, or its `iss` where it has none
};

/// Supplies a token; called on a background thread whenever a new login is due.
/// May throw KafkaTokenError, which is then reported by the client that asked.
using OAuthCallback = std::function<OAuthToken()>;

/// Finds a token for a broker and returns it serialized.
/// @param broker_url  e.g. "kafka-dev.ligo.org:9092"; its host is the default audience
/// @throws KafkaTokenError        no usable token
/// @throws std::invalid_argument  no host in `broker_url` and no `audience`
std::string get_scitoken_for_kafka(std::string_view broker_url, std::string_view scope = "kafka.produce",
                                   const std::optional<std::string>& audience = std::nullopt);

/// A callback that looks for a token anew at each call, without renewal ahead of expiry.
/// @throws std::invalid_argument  no host in `broker_url` and no `audience`
OAuthCallback create_oauth_callback(std::string_view broker_url, std::string_view scope = "kafka.produce",
                                    const std::optional<std::string>& audience = std::nullopt);

/// Keeps a token fresh for a long-running client: from `refresh_buffer` before the token's `exp` on, it looks
/// for a newer one at each request, at most once every few seconds. While none is found the last good one is
/// kept until it expires; one that suits the request less never displaces it. Safe to share between threads.
/// Copies share one state.
class SciTokenRefreshManager {
 public:
  /// @throws std::invalid_argument  no host in `broker_url` and no `audience`, or a negative `refresh_buffer`
  explicit SciTokenRefreshManager(std::string_view broker_url, std::string_view scope = "kafka.produce",
                                  const std::optional<std::string>& audience = std::nullopt,
                                  std::chrono::seconds refresh_buffer = std::chrono::seconds(300));

  /// For other services than a broker, and for tests.
  SciTokenRefreshManager(TokenRequest request, std::chrono::seconds refresh_buffer,
                         Environment environment = Environment::of_process());

  /// The current token, looked up again if it is due.
  /// @throws KafkaTokenError  none was found and the last good one, if any, has expired
  std::string get_token();

  /// The same with its expiry and principal.
  OAuthToken get();

  /// Looks again now, whatever the time left; true if the token is another one than before. Unlike a renewal
  /// it also takes one that ends sooner: the current one may have been refused by the server.
  /// @throws KafkaTokenError  as get_token()
  bool reload();

  /// When the current token should next be looked at: `refresh_buffer` before its `exp`, or in a few seconds
  /// where that has passed.
  std::chrono::system_clock::time_point next_refresh();

  /// A callback that uses this manager; it may outlive it.
  OAuthCallback create_callback();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace gracedb::auth
