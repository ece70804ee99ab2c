#include "gracedb-kafka/token.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace gracedb::cli {

using programs::Context;
using programs::ExitCode;
using std::chrono::system_clock;

// ---- Report

namespace {

std::string row(std::string_view name, std::string_view text) {
  return fmt::format("{:<10} {}\n", name, printable_line(text));
}

std::string expiry_text(const auth::Claims& claims, system_clock::time_point now) {
  if (!claims.expires) return "never";
  return fmt::format("{}, in {}", format_utc(*claims.expires), format_duration(*claims.expires - now));
}

bool matches_audience(const auth::TokenRequest& request, const auth::Claims& claims) {
  return request.audiences.empty() || auth::audience_is_any(claims) ||
         std::any_of(request.audiences.begin(), request.audiences.end(),
                     [&](const std::string& audience) { return auth::audience_matches(claims, audience); });
}

std::string purpose_text(const auth::TokenRequest& request) {
  if (request.audiences.empty()) return request.scope;
  return fmt::format("{} at {}", request.scope, fmt::join(request.audiences, " or "));
}

nlohmann::ordered_json optional_json(const std::optional<std::string>& text) {
  return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json();
}

nlohmann::ordered_json places_json(const auth::Discovery& found) {
  auto places = nlohmann::ordered_json::array();
  for (const auto& place : found.places)
    places.push_back({{"place", place.name}, {"state", place.state}});
  return places;
}

}  // namespace

std::string token_problems(const auth::TokenRequest& request, const auth::Claims& claims,
                           system_clock::time_point now) {
  std::vector<std::string> problems;
  if (!matches_audience(request, claims)) {
    problems.push_back(fmt::format("its audience is not {}", fmt::join(request.audiences, " or ")));
  }
  if (!auth::grants_scope(claims, request.scope)) problems.push_back("it has no scope " + request.scope);
  if (claims.expires && *claims.expires - now < request.min_lifetime) {
    problems.push_back("it expires in " + format_duration(*claims.expires - now));
  }
  return fmt::format("{}", fmt::join(problems, ", and "));
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
  const std::string problems = token_problems(request, claims, now);
  text += fmt::format("{:<10} {}: {}\n", "suits", purpose_text(request),
                      problems.empty() ? style.green("yes") : style.yellow("perhaps not: " + problems));
  return text;
}

std::string locations_text(const auth::Discovery& found) {
  std::size_t width = 0;
  for (const auto& place : found.places)
    width = std::max(width, place.name.size());
  std::string text = "locations searched\n";
  for (const auto& place : found.places) {
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
  json["suits"] = found.token && token_problems(request, claims, now).empty();
  json["places"] = places_json(found);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// ---- Command

namespace {

constexpr const char* footer =
    "Shows the claims of the token that a client on this machine would use, never the token itself. Uses no\n"
    "network. -v lists every location searched, and what was found there.\n\n"
    "Examples:\n"
    "  gracedb-kafka token -b kafka.ligo.org:9092\n"
    "  gracedb-kafka token --for gracedb -v";

class TokenCommand {
 public:
  void add_options(programs::Options& options) {
    options.group("Token");
    options.add({.names = "--for",
                 .target = &service_,
                 .help = "Service that the token is for: kafka or gracedb [default: kafka]",
                 .value = "SERVICE",
                 .choices = {"kafka", "gracedb"}});
    options.add({.names = "--audience",
                 .target = &audiences_,
                 .help = "Audience [default: the configured servers]; may be repeated",
                 .value = "AUDIENCE"});
    options.add({.names = "--scope",
                 .target = &scope_,
                 .help = "Scope [default: kafka.produce or gracedb.read]",
                 .value = "SCOPE"});
    add_connection_options(options, connection_);
  }

  ExitCode run(Context& context) {
    note_sources(context.options, connection_);
    const auth::TokenRequest request = make_request();
    const auth::Discovery found = auth::discover_token(request);
    const auto now = std::chrono::system_clock::now();
    if (context.json) {
      context.output.line(token_json(request, found, now));
    } else if (context.verbose && found.token) {
      context.output.write(locations_text(found));
    }
    if (!found.token) throw KafkaTokenError(auth::describe_failure(request, found));
    if (!context.json) context.output.write(token_text(request, found, now, context.style));
    return ExitCode::ok;
  }

 private:
  auth::TokenRequest make_request() const {
    const bool for_gracedb = service_ == "gracedb";
    auth::TokenRequest request;
    if (for_gracedb && audiences_.empty()) {
      request = gracedb_token_request(connection_);
    } else if (for_gracedb) {
      request.scope = rest::GraceDbOptions().token_scope;
    } else {
      request = broker_token_request(connection_, kafka::ProducerOptions().token_scope);
    }
    if (!audiences_.empty()) request.audiences = audiences_;
    if (scope_) request.scope = *scope_;
    return request;
  }

  programs::ConnectionOptions connection_;
  std::string service_ = "kafka";
  std::vector<std::string> audiences_;
  std::optional<std::string> scope_;
};

}  // namespace

void add_token(programs::Program& program) {
  const auto token = std::make_shared<TokenCommand>();
  token->add_options(program.add_command({.name = "token",
                                          .description = "Show which token is used, and where it was found",
                                          .footer = footer,
                                          .log_level = LogLevel::off},
                                         [token](Context& context) { return token->run(context); }));
}

}  // namespace gracedb::cli
