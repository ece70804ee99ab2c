#pragma once

#include "gracedb/auth/token.hpp"

#include <chrono>

namespace gracedb::auth {

/// The expiry of a token without `exp`, and of one whose `exp` lies beyond it: the year 2255, late enough for
/// everybody and early enough that a duration may be added without overflow.
inline constexpr std::chrono::system_clock::time_point never{std::chrono::seconds(9'000'000'000)};

inline std::chrono::system_clock::time_point expiry_of(const Claims& claims) {
  return claims.expires.value_or(never);
}

}  // namespace gracedb::auth
