#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace gracedb::auth
