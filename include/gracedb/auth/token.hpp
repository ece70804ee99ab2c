#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Bearer tokens: their claims, their discovery on this machine, their renewal. No network is used. No name,
/// state or message holds a token.
namespace gracedb::auth {

/// What a JWT (SciToken or WLCG token) says of itself. Read without checking the signature: a client only
/// needs to know whether its own token is worth sending; the server does the checking.
struct Claims {
  std::optional<std::string> subject{};                               ///< `sub`
  std::optional<std::string> issuer{};                                ///< `iss`
  std::vector<std::string> audience{};                                ///< `aud`: a string or an array of them
  std::vector<std::string> scope{};                                   ///< `scope`, split at spaces
  std::optional<std::chrono::system_clock::time_point> expires{};     ///< `exp`
  std::optional<std::chrono::system_clock::time_point> not_before{};  ///< `nbf`
  std::optional<std::chrono::system_clock::time_point> issued_at{};   ///< `iat`
};

/// Reads the claims of a serialized JWT.
/// @throws std::invalid_argument  not a JWT, a claim of the wrong type, or larger than 1 MiB; the message
///                                names the part or claim and never quotes the token
Claims parse_claims(std::string_view token);

/// True if `claims` are meant for `audience`: it stands there itself, or as "https://<audience>" where it is
/// a bare host. A trailing slash and the case of the host make no difference.
bool audience_matches(const Claims& claims, std::string_view audience);

/// True if the token may be used anywhere: "ANY" (SciTokens) or "https://wlcg.cern.ch/jwt/v1/any" (WLCG).
bool audience_is_any(const Claims& claims);

/// True if the token grants `scope`, by itself or narrowed to a path ("kafka.produce:/gstlal").
bool grants_scope(const Claims& claims, std::string_view scope);

/// A serialized JWT together with its claims. Never printed, never logged.
class Token {
 public:
  /// @throws std::invalid_argument  as parse_claims()
  explicit Token(std::string serialized);

  const std::string& serialized() const noexcept { return serialized_; }
  const Claims& claims() const noexcept { return claims_; }

 private:
  std::string serialized_;
  Claims claims_;
};

/// What the token is for. No audience, or no scope, means that any will do.
struct TokenRequest {
  std::vector<std::string> audiences{};  ///< any one of them will do, e.g. the hosts of the bootstrap servers
  std::string scope{};                   ///< e.g. "kafka.produce"
  std::chrono::seconds min_lifetime{60};  ///< a token with less left is only a last resort
};

/// What discovery sees of the process and the machine; replaceable in tests.
struct Environment {
  std::function<std::optional<std::string>(const char* name)> variable{};
  std::function<std::chrono::system_clock::time_point()> now{};
  uid_t user = 0;
  std::filesystem::path temporary_directory{};

  /// The real environment, the real clock, the effective user id, "/tmp".
  static Environment of_process();
};

/// One place that was looked at.
struct Place {
  std::string name{};   ///< e.g. "$BEARER_TOKEN_FILE (/run/user/1000/bt_u1000)"
  std::string state{};  ///< e.g. "not set", "expired at 2026-11-22 03:04:05 UTC", "used"
};

struct Discovery {
  std::optional<Token> token{};  ///< the best one found, if any
  std::string source{};          ///< the name of the place it came from
  std::vector<Place> places{};   ///< every place, in the order of search
};

/// Looks at, in this order: `$SCITOKEN`, `$SCITOKEN_FILE`, `$_CONDOR_CREDS/*.use`, `$BEARER_TOKEN`,
/// `$BEARER_TOKEN_FILE`, `$XDG_RUNTIME_DIR/bt_u<uid>`, `/tmp/bt_u<uid>` (WLCG Bearer Token Discovery,
/// preceded by the places of HTCondor and SciTokens). The winner is the first token, in this order of
/// preference,
///   1. with a requested audience or ANY, the scope, and `min_lifetime` left;
///   2. with audience ANY, whatever its scope, and `min_lifetime` left;
///   3. with a requested audience, whatever its scope, and `min_lifetime` left;
///   4. unexpired, in one of the last four places, whatever its audience and scope.
/// A token that has expired, or is not valid before a minute from now, is never chosen. A file must be a
/// regular file (or a link to one) of the caller or of root and at most 1 MiB.
Discovery discover_token(const TokenRequest& request,
                         const Environment& environment = Environment::of_process());

/// The token, or KafkaTokenError with every place and its state, and the htgettoken command.
/// @throws KafkaTokenError  no usable token
Token require_token(const TokenRequest& request, const Environment& environment = Environment::of_process());

/// The text of that error for a failed discovery.
std::string describe_failure(const TokenRequest& request, const Discovery& discovery);

/// The audiences of a list of bootstrap servers: each host once, in lower case, without scheme, port and
/// brackets. "SASL_SSL://kafka.ligo.org:9092,[::1]:9093" gives {"kafka.ligo.org", "::1"}.
std::vector<std::string> audiences_of_bootstrap_servers(std::string_view bootstrap_servers);

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
