#include "gracedb/auth/token.hpp"

#include "auth/lifetime.hpp"
#include "core/encoding.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace gracedb::auth {
namespace {

using nlohmann::json;
using TimePoint = std::chrono::system_clock::time_point;

constexpr std::size_t longest_token = std::size_t{1} << 20;

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
  json object = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) reject(fmt::format("the {} is not a JSON object", name));
  return object;
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

/// A NumericDate (RFC 7519, section 2): seconds since 1970, possibly with a fraction.
std::optional<TimePoint> read_time(const json& payload, const char* claim) {
  const auto found = payload.find(claim);
  if (found == payload.end()) return std::nullopt;
  if (!found->is_number()) reject(fmt::format("claim '{}' is not a number", claim));
  constexpr double end_of_year_9999 = 253'402'300'800.0;
  const double seconds = found->get<double>();
  if (!(std::abs(seconds) < end_of_year_9999)) reject(fmt::format("claim '{}' is out of range", claim));
  const double latest = std::chrono::duration<double>(never.time_since_epoch()).count();
  const std::chrono::duration<double> since_epoch(std::clamp(seconds, 0.0, latest));
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

}  // namespace gracedb::auth
