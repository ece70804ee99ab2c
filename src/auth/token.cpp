#include "gracedb/auth/token.hpp"

#include "auth/claims.hpp"
#include "core/duration.hpp"
#include "core/encoding.hpp"
#include "core/json.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace gracedb::auth {
namespace {

using nlohmann::json;
using TimePoint = std::chrono::system_clock::time_point;
using std::chrono::seconds;

constexpr std::size_t longest_token = std::size_t{1} << 20;
constexpr std::string_view scheme_mark = "://";
constexpr seconds clock_leeway{60};

[[noreturn]] void reject(const std::string& reason) { throw std::invalid_argument("not a JWT: " + reason); }

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
};

Parts split(std::string_view token) {
  if (token.empty()) reject("empty");
  if (token.size() > longest_token) reject("larger than 1 MiB");
  const auto dots = std::count(token.begin(), token.end(), '.');
  if (dots != 2) reject(fmt::format("{} {} instead of 3", dots + 1, dots == 0 ? "part" : "parts"));
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  return {token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(last + 1)};
}

json parse_object(std::string_view part, std::string_view name) {
  if (part.empty()) reject(fmt::format("the {} is empty", name));
  const auto text = decode_base64url(part);
  if (!text) reject(fmt::format("the {} is not base64url", name));
  try {
    json object = parse_json(*text);
    if (object.is_object()) return object;
  } catch (const std::invalid_argument&) {
    // Reported below without the text, which is part of a token.
  }
  reject(fmt::format("the {} is not a JSON object", name));
}

void check_signature(std::string_view signature, const json& header) {
  const auto algorithm = header.find("alg");
  const bool unsecured = algorithm != header.end() && *algorithm == "none";
  if (signature.empty() && !unsecured) reject("the signature is empty");
  if (!decode_base64url(signature)) reject("the signature is not base64url");
}

std::optional<std::string> read_string(const json& payload, const char* claim) {
  const auto found = payload.find(claim);
  if (found == payload.end()) return std::nullopt;
  if (!found->is_string()) reject(fmt::format("claim '{}' is not a string", claim));
  return found->get<std::string>();
}

// A NumericDate (RFC 7519, section 2): seconds since 1970, possibly with a fraction.
std::optional<TimePoint> read_time(const json& payload, const char* claim) {
  const auto found = payload.find(claim);
  if (found == payload.end()) return std::nullopt;
  if (!found->is_number()) reject(fmt::format("claim '{}' is not a number", claim));
  constexpr double end_of_year_9999 = 253'402'300'800.0;
  const double value = found->get<double>();
  if (!(std::abs(value) < end_of_year_9999)) reject(fmt::format("claim '{}' is out of range", claim));
  const double latest = std::chrono::duration<double>(never.time_since_epoch()).count();
  const std::chrono::duration<double> since_epoch(std::clamp(value, 0.0, latest));
  return TimePoint(std::chrono::round<std::chrono::milliseconds>(since_epoch));
}

std::vector<std::string> read_audience(const json& payload) {
  const auto found = payload.find("aud");
  if (found == payload.end()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  const bool is_list = found->is_array() &&
                       std::all_of(found->begin(), found->end(), [](const json& e) { return e.is_string(); });
  if (!is_list) reject("claim 'aud' is neither a string nor an array of strings");
  return found->get<std::vector<std::string>>();
}

std::vector<std::string> split_at_spaces(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (length > 0) words.emplace_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return words;
}

// Scheme and host in lower case, without a trailing slash; a path keeps its case.
std::string normalize(std::string_view audience) {
  if (audience.ends_with('/')) audience.remove_suffix(1);
  const std::size_t scheme = audience.find(scheme_mark);
  const std::size_t path =
      audience.find('/', scheme == std::string_view::npos ? 0 : scheme + scheme_mark.size());
  const std::size_t end = std::min(path, audience.size());
  return to_lower(audience.substr(0, end)).append(audience.substr(end));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  return text.substr(0, text.find_last_not_of(blank) + 1);
}

// The host of "[SCHEME://]host[:port][/…]", in lower case. More than one colon without brackets is an IPv6
// address without a port.
std::string host_of(std::string_view server) {
  server = trim(server);
  if (const std::size_t scheme = server.find(scheme_mark); scheme != std::string_view::npos) {
    server.remove_prefix(scheme + scheme_mark.size());
  }
  server = server.substr(0, server.find_first_of("/?#"));
  if (server.starts_with('[')) {
    server = server.substr(1, server.find(']') - 1);
  } else if (std::count(server.begin(), server.end(), ':') == 1) {
    server = server.substr(0, server.find(':'));
  }
  return to_lower(server);
}

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

Claims parse_claims(std::string_view token) {
  const Parts parts = split(token);
  check_signature(parts.signature, parse_object(parts.header, "header"));
  const json payload = parse_object(parts.payload, "payload");
  Claims claims;
  claims.subject = read_string(payload, "sub");
  claims.issuer = read_string(payload, "iss");
  claims.audience = read_audience(payload);
  claims.scope = split_at_spaces(read_string(payload, "scope").value_or(""));
  claims.expires = read_time(payload, "exp");
  claims.not_before = read_time(payload, "nbf");
  claims.issued_at = read_time(payload, "iat");
  return claims;
}

bool grants_scope(const Claims& claims, std::string_view scope) {
  return std::any_of(claims.scope.begin(), claims.scope.end(), [scope](std::string_view granted) {
    return granted.starts_with(scope) && (granted.size() == scope.size() || granted[scope.size()] == ':');
  });
}

Token::Token(std::string serialized)
    : serialized_(std::move(serialized)), claims_(parse_claims(serialized_)) {}

bool audience_matches(const Claims& claims, std::string_view audience) {
  const std::string wanted = normalize(audience);
  const std::string as_url = wanted.find(scheme_mark) == std::string::npos ? "https://" + wanted : wanted;
  return std::any_of(claims.audience.begin(), claims.audience.end(), [&](const std::string& offered) {
    const std::string normal = normalize(offered);
    return normal == wanted || normal == as_url;
  });
}

bool audience_is_any(const Claims& claims) {
  return std::any_of(claims.audience.begin(), claims.audience.end(), [](std::string_view audience) {
    return audience == "ANY" || audience == "https://wlcg.cern.ch/jwt/v1/any";
  });
}

std::vector<std::string> audiences_of_bootstrap_servers(std::string_view bootstrap_servers) {
  std::vector<std::string> hosts;
  while (!bootstrap_servers.empty()) {
    const std::size_t length = std::min(bootstrap_servers.find(','), bootstrap_servers.size());
    std::string host = host_of(bootstrap_servers.substr(0, length));
    const bool is_new = std::find(hosts.begin(), hosts.end(), host) == hosts.end();
    if (!host.empty() && is_new) hosts.push_back(std::move(host));
    bootstrap_servers.remove_prefix(std::min(length + 1, bootstrap_servers.size()));
  }
  return hosts;
}

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
