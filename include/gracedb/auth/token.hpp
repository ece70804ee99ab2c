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

/// Bearer tokens: claims, discovery on this machine, refresh. Nothing here uses the network. No name, state
/// or message holds a token.
namespace gracedb::auth {

/// The advice that ends every error about a missing or rejected token.
inline constexpr std::string_view token_hint =
    "Obtain a fresh token with: htgettoken -a vault.ligo.org -i igwn";

/// The claims of a JWT (SciToken or WLCG token). The signature is not checked: the client only decides
/// whether its own token is worth sending; the server verifies it.
struct Claims {
  /// `sub`
  std::optional<std::string> subject{};
  /// `iss`
  std::optional<std::string> issuer{};
  /// `aud`, a string or an array of strings
  std::vector<std::string> audience{};
  /// `scope`, split at spaces
  std::vector<std::string> scope{};
  /// `exp`
  std::optional<std::chrono::system_clock::time_point> expires{};
  /// `nbf`
  std::optional<std::chrono::system_clock::time_point> not_before{};
  /// `iat`
  std::optional<std::chrono::system_clock::time_point> issued_at{};
};

/// Reads the claims of a serialized JWT.
/// @throws std::invalid_argument  not a JWT, a claim of the wrong type, or larger than 1 MiB; the message
///                                names the part or claim and never quotes the token
Claims parse_claims(std::string_view token);

/// True if `claims` contain `audience`, or "https://<audience>" if `audience` is a bare host. A trailing
/// slash and the case of the host make no difference.
bool audience_matches(const Claims& claims, std::string_view audience);

/// True if the token is valid for every audience: "ANY" (SciTokens) or "https://wlcg.cern.ch/jwt/v1/any"
/// (WLCG).
bool audience_is_any(const Claims& claims);

/// True if the token grants `scope`, or `scope` restricted to a path ("kafka.produce:/gstlal").
bool grants_scope(const Claims& claims, std::string_view scope);

/// A serialized JWT and its claims. Never printed, never logged.
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

/// The requirements on a token. An empty list of audiences, or an empty scope, accepts any.
struct TokenRequest {
  /// One of them must match, e.g. the hosts of the bootstrap servers.
  std::vector<std::string> audiences{};

  /// For example "kafka.produce".
  std::string scope{};

  /// A token with less time left is used only as a last resort.
  std::chrono::seconds min_lifetime{60};
};

/// The process and machine as discovery sees them; replaceable in tests.
struct Environment {
  std::function<std::optional<std::string>(const char* name)> variable{};
  std::function<std::chrono::system_clock::time_point()> now{};
  uid_t user = 0;
  std::filesystem::path temporary_directory{};

  /// The environment variables of the process, the system clock, the effective user id, "/tmp".
  static Environment of_process();
};

/// A place that was searched for a token.
struct Place {
  /// For example "$BEARER_TOKEN_FILE (/run/user/1000/bt_u1000)".
  std::string name{};
  /// For example "not set", "expired at 2026-11-22 03:04:05 UTC", "used".
  std::string state{};
};

struct Discovery {
  /// The best token, if there is a usable one.
  std::optional<Token> token{};
  /// The name of the place that holds it.
  std::string source{};
  /// Every place, in search order.
  std::vector<Place> places{};
};

/// Searches `$SCITOKEN`, `$SCITOKEN_FILE`, `$_CONDOR_CREDS/*.use`, `$BEARER_TOKEN`, `$BEARER_TOKEN_FILE`,
/// `$XDG_RUNTIME_DIR/bt_u<uid>`, `/tmp/bt_u<uid>`, in this order: WLCG Bearer Token Discovery, preceded by
/// the places of HTCondor and SciTokens. Chooses the first token of the best class:
///   1. a requested audience or ANY, the scope, and `min_lifetime` left;
///   2. audience ANY, any scope, and `min_lifetime` left;
///   3. a requested audience, any scope, and `min_lifetime` left;
///   4. unexpired, in one of the last four places, any audience and scope.
/// Never chooses a token that has expired, or whose `nbf` is more than a minute ahead. A token file must be a
/// regular file, or a link to one, that the effective user or root owns, of at most 1 MiB.
Discovery discover_token(const TokenRequest& request,
                         const Environment& environment = Environment::of_process());

/// As discover_token(), but throws if there is no usable token.
/// @throws KafkaTokenError  with every place, its state, and `token_hint`
Token require_token(const TokenRequest& request, const Environment& environment = Environment::of_process());

/// The message of that error for a failed discovery.
std::string describe_failure(const TokenRequest& request, const Discovery& discovery);

/// The audiences of a list of bootstrap servers: each host once, in lower case, without scheme, port and
/// brackets. "SASL_SSL://kafka.ligo.org:9092,[::1]:9093" gives {"kafka.ligo.org", "::1"}.
std::vector<std::string> audiences_of_bootstrap_servers(std::string_view bootstrap_servers);

/// The credentials of a Kafka client.
struct OAuthToken {
  /// The serialized JWT.
  std::string token{};
  /// `exp`; the year 2255 if the token has none.
  std::chrono::system_clock::time_point expires{};
  /// `sub`, or `iss` if there is no `sub`.
  std::string principal{};
};

/// Supplies a token; called on a background thread for each login. May throw KafkaTokenError, which the
/// client reports.
using OAuthCallback = std::function<OAuthToken()>;

/// Finds a token for a broker and returns it serialized.
/// @param broker_url  e.g. "kafka-dev.ligo.org:9092"; its host is the default audience
/// @throws KafkaTokenError        no usable token
/// @throws std::invalid_argument  no host in `broker_url` and no `audience`
std::string get_scitoken_for_kafka(std::string_view broker_url, std::string_view scope = "kafka.produce",
                                   const std::optional<std::string>& audience = std::nullopt);

/// A callback that runs discovery at each call. It does not refresh the token ahead of its expiry.
/// @throws std::invalid_argument  no host in `broker_url` and no `audience`
OAuthCallback create_oauth_callback(std::string_view broker_url, std::string_view scope = "kafka.produce",
                                    const std::optional<std::string>& audience = std::nullopt);

/// Keeps a token fresh for a long-running client: from `refresh_buffer` before `exp` on, each request for the
/// token runs discovery, at most once every few seconds. If discovery finds no newer token, the current one
/// is used until it expires; a token that matches the request less well never replaces it. Thread-safe.
/// Copies share one state.
class SciTokenRefreshManager {
 public:
  /// @throws std::invalid_argument  no host in `broker_url` and no `audience`, or a negative `refresh_buffer`
  explicit SciTokenRefreshManager(std::string_view broker_url, std::string_view scope = "kafka.produce",
                                  const std::optional<std::string>& audience = std::nullopt,
                                  std::chrono::seconds refresh_buffer = std::chrono::seconds(300));

  /// For services other than a broker, and for tests.
  /// @throws std::invalid_argument  a negative `refresh_buffer`
  SciTokenRefreshManager(TokenRequest request, std::chrono::seconds refresh_buffer,
                         Environment environment = Environment::of_process());

  /// The current token; runs discovery first if it is due.
  /// @throws KafkaTokenError  discovery found none, and the previous one, if any, has expired
  std::string get_token();

  /// As get_token(), with expiry and principal.
  OAuthToken get();

  /// Runs discovery now; true if the token has changed. Unlike a scheduled refresh it accepts a token that
  /// expires sooner, because the server may have rejected the current one.
  /// @throws KafkaTokenError  as get_token()
  bool reload();

  /// When discovery is next due: `refresh_buffer` before `exp`, or in a few seconds if that has passed.
  std::chrono::system_clock::time_point next_refresh();

  /// A callback that uses this manager; it may outlive it.
  OAuthCallback create_callback();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace gracedb::auth
