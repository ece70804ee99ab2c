#pragma once

#include "gracedb/auth/token.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Finding the caller's token on this machine. No network is used. No name or state of a place holds a token.
namespace gracedb::auth {

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

}  // namespace gracedb::auth
