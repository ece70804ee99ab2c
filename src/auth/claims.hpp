#pragma once

#include "gracedb/auth/token.hpp"

#include <chrono>
#include <string>

/// What discovery and refresh read from the claims of a token.
namespace gracedb::auth {

/// The expiry of a token without `exp`, and the upper bound of any `exp`: the year 2255. Adding a duration to
/// it does not overflow.
inline constexpr std::chrono::system_clock::time_point never{std::chrono::seconds(9'000'000'000)};

inline std::chrono::system_clock::time_point expiry_of(const Claims& claims) {
  return claims.expires.value_or(never);
}

/// How well audience and scope of a token match a request; the best first.
enum class Suitability { audience_and_scope, any_audience, audience_only, unsuited };

Suitability suitability_of(const Claims& claims, const TokenRequest& request);

/// Why the token must not be sent at `now`, e.g. "expired at 2026-11-22 03:04:05 UTC"; empty if valid.
std::string invalidity_of(const Claims& claims, std::chrono::system_clock::time_point now);

/// How the token differs from the request, e.g. "has no scope kafka.produce; expires in 42 s"; or empty.
std::string shortcomings_of(const Claims& claims, const TokenRequest& request,
                            std::chrono::system_clock::time_point now);

/// True if the token has the requested lifetime left.
bool lives_long_enough(const Claims& claims, const TokenRequest& request,
                       std::chrono::system_clock::time_point now);

}  // namespace gracedb::auth
