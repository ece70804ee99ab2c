#include "auth/suitability.hpp"

#include "auth/lifetime.hpp"
#include "core/duration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace gracedb::auth {
namespace {

using TimePoint = std::chrono::system_clock::time_point;
using std::chrono::seconds;

constexpr seconds clock_leeway{60};

bool has_audience(const Claims& claims, const TokenRequest& request) {
  return request.audiences.empty() ||
         std::any_of(request.audiences.begin(), request.audiences.end(),
                     [&](const std::string& audience) { return audience_matches(claims, audience); });
}

bool has_scope(const Claims& claims, const TokenRequest& request) {
  return request.scope.empty() || grants_scope(claims, request.scope);
}

seconds time_left(const Claims& claims, TimePoint now) {
  return std::chrono::floor<seconds>(expiry_of(claims) - now);
}

std::string describe_wrong_audience(const Claims& claims, const TokenRequest& request) {
  if (claims.audience.empty()) return "has no audience";
  return fmt::format("audience is {}, not {}", fmt::join(claims.audience, " and "),
                     fmt::join(request.audiences, " or "));
}

}  // namespace

Suitability suitability_of(const Claims& claims, const TokenRequest& request) {
  const bool any = audience_is_any(claims);
  const bool matches = has_audience(claims, request);
  if ((any || matches) && has_scope(claims, request)) return Suitability::audience_and_scope;
  if (any) return Suitability::any_audience;
  return matches ? Suitability::audience_only : Suitability::unsuited;
}

std::string invalidity_of(const Claims& claims, TimePoint now) {
  if (expiry_of(claims) <= now) return "expired at " + format_utc(expiry_of(claims));
  if (claims.not_before && *claims.not_before > now + clock_leeway) {
    return "not valid before " + format_utc(*claims.not_before);
  }
  return {};
}

std::string shortcomings_of(const Claims& claims, const TokenRequest& request, TimePoint now) {
  std::vector<std::string> all;
  if (!audience_is_any(claims) && !has_audience(claims, request)) {
    all.push_back(describe_wrong_audience(claims, request));
  }
  if (!has_scope(claims, request)) all.push_back("has no scope " + request.scope);
  if (!lives_long_enough(claims, request, now)) {
    all.push_back(fmt::format("expires in {} s", time_left(claims, now).count()));
  }
  return fmt::format("{}", fmt::join(all, "; "));
}

bool lives_long_enough(const Claims& claims, const TokenRequest& request, TimePoint now) {
  return time_left(claims, now) >= request.min_lifetime;
}

}  // namespace gracedb::auth
