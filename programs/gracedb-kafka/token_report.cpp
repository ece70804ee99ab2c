#include "gracedb-kafka/token_report.hpp"

#include "core/duration.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace gracedb::cli {
namespace {

using std::chrono::system_clock;

std::string row(std::string_view name, std::string_view text) {
  return fmt::format("{:<10} {}\n", name, printable_line(text));
}

std::string expiry_text(const auth::Claims& claims, system_clock::time_point now) {
  if (!claims.expires) return "never";
  return fmt::format("{}, in {}", format_utc(*claims.expires), format_duration(*claims.expires - now));
}

bool suits_audience(const auth::TokenRequest& request, const auth::Claims& claims) {
  return request.audiences.empty() || auth::audience_is_any(claims) ||
         std::any_of(request.audiences.begin(), request.audiences.end(),
                     [&](const std::string& audience) { return auth::audience_matches(claims, audience); });
}

std::string use_text(const auth::TokenRequest& request) {
  if (request.audiences.empty()) return request.scope;
  return fmt::format("{} at {}", request.scope, fmt::join(request.audiences, " or "));
}

nlohmann::ordered_json optional_json(const std::optional<std::string>& text) {
  return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json();
}

nlohmann::ordered_json places_json(const auth::Discovery& found) {
  auto places = nlohmann::ordered_json::array();
  for (const auth::Place& place : found.places)
    places.push_back({{"place", place.name}, {"state", place.state}});
  return places;
}

}  // namespace

std::string doubts_about(const auth::TokenRequest& request, const auth::Claims& claims,
                         system_clock::time_point now) {
  std::vector<std::string> doubts;
  if (!suits_audience(request, claims)) {
    doubts.push_back(fmt::format("its audience is not {}", fmt::join(request.audiences, " or ")));
  }
  if (!auth::grants_scope(claims, request.scope)) doubts.push_back("it has no scope " + request.scope);
  if (claims.expires && *claims.expires - now < request.min_lifetime) {
    doubts.push_back("it expires in " + format_duration(*claims.expires - now));
  }
  return fmt::format("{}", fmt::join(doubts, ", and "));
}

std::string token_text(const auth::TokenRequest& request, const auth::Discovery& found,
                       system_clock::time_point now, const programs::Style& style) {
  const auth::Claims& claims = found.token->claims();
  std::string text = row("source", found.source);
  text += row("subject", claims.subject.value_or("-"));
  text += row("issuer", claims.issuer.value_or("-"));
  text += row("audience", fmt::format("{}", fmt::join(claims.audience, ", ")));
  text += row("scope", fmt::format("{}", fmt::join(claims.scope, " ")));
  text += row("expires", expiry_text(claims, now));
  const std::string doubts = doubts_about(request, claims, now);
  text += fmt::format("{:<10} {}: {}\n", "suits", use_text(request),
                      doubts.empty() ? style.green("yes") : style.yellow("perhaps not, as " + doubts));
  return text;
}

std::string places_text(const auth::Discovery& found) {
  std::size_t width = 0;
  for (const auth::Place& place : found.places)
    width = std::max(width, place.name.size());
  std::string text = "looked at\n";
  for (const auth::Place& place : found.places) {
    text += fmt::format("  {:<{}}  {}\n", printable_line(place.name), width, printable_line(place.state));
  }
  return text;
}

std::string token_json(const auth::TokenRequest& request, const auth::Discovery& found,
                       system_clock::time_point now) {
  nlohmann::ordered_json json;
  const auth::Claims none;
  const auth::Claims& claims = found.token ? found.token->claims() : none;
  json["source"] = found.token ? nlohmann::ordered_json(found.source) : nlohmann::ordered_json();
  json["subject"] = optional_json(claims.subject);
  json["issuer"] = optional_json(claims.issuer);
  json["audience"] = claims.audience;
  json["scope"] = claims.scope;
  json["expires"] = nullptr;
  json["seconds_left"] = nullptr;
  if (claims.expires) {
    json["expires"] = format_rfc3339(*claims.expires);
    json["seconds_left"] = std::chrono::duration_cast<std::chrono::seconds>(*claims.expires - now).count();
  }
  json["suits"] = found.token && doubts_about(request, claims, now).empty();
  json["places"] = places_json(found);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace gracedb::cli
