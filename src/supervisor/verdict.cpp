#include "supervisor/verdict.hpp"

#include "rest/error_text.hpp"
#include "rest/retry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {
namespace {

using nlohmann::json;

constexpr int ok = 200;
constexpr int unauthorized = 401;
constexpr int forbidden = 403;
constexpr int request_timeout = 408;
constexpr int too_many_requests = 429;

// A completion that had been there before is told by 200 and a flag, a new one by 201.
bool had_been_complete(const rest::Response& response) {
  if (response.status != ok) return false;
  const auto body = json::parse(response.body, nullptr, false);
  return body.is_object() && body.value("already_complete", json()) == true;
}

// An event that GraceDB cannot read is complete all the same, but there will be no alert.
std::string warnings_of(const rest::Response& response) {
  if (response.body.find("\"warnings\"") == std::string::npos) return {};
  const auto body = json::parse(response.body, nullptr, false);
  if (!body.is_object() || !body.contains("warnings") || !body["warnings"].is_array()) return {};
  std::vector<std::string> warnings;
  for (const json& warning : body["warnings"]) {
    if (warning.is_string()) warnings.push_back(warning.get<std::string>());
  }
  return fmt::format("{}", fmt::join(warnings, "; "));
}

// A redirect is not followed: it is a matter of configuration, and no fault of the message.
Verdict verdict_of(const rest::Response& response) {
  const int status = response.status;
  if (status >= 200 && status < 300) return had_been_complete(response) ? Verdict::duplicate : Verdict::done;
  if (status == unauthorized || status == forbidden) return Verdict::unauthorized;
  if (status == request_timeout || status == too_many_requests) return Verdict::retry;
  return status >= 400 && status < 500 ? Verdict::refused : Verdict::retry;
}

std::string describe(const rest::Response& response) {
  std::string text = fmt::format("{} {}", response.status, response.reason);
  const auto location = response.headers.find("location");
  if (response.status < 400 && location != response.headers.end()) {
    return fmt::format("{} to {}; check the service URL", text, location->second);
  }
  const std::string detail = rest::detail_of(response);
  return detail.empty() ? text : fmt::format("{}: {}", text, detail);
}

std::string_view name_of(rest::ExchangeFailure::Kind kind) {
  using Kind = rest::ExchangeFailure::Kind;
  switch (kind) {
    case Kind::resolve:
      return "resolve";
    case Kind::connect:
      return "connect";
    case Kind::certificate:
      return "certificate";
    case Kind::timeout:
      return "timeout";
    case Kind::lost:
      return "lost";
    case Kind::other:
      break;
  }
  return "other";
}

}  // namespace

Judgement judge(const rest::Exchange& exchange, std::chrono::system_clock::time_point now) {
  if (const auto& failure = exchange.failure) {
    return {
        .verdict = Verdict::retry, .reason = failure->reason, .cause = std::string(name_of(failure->kind))};
  }
  const rest::Response& response = exchange.response;
  Judgement judgement{.verdict = verdict_of(response)};
  if (judgement.verdict == Verdict::done || judgement.verdict == Verdict::duplicate) {
    judgement.reason = warnings_of(response);
    return judgement;
  }
  judgement.reason = describe(response);
  judgement.cause = std::to_string(response.status);
  if (const auto header = response.headers.find("retry-after"); header != response.headers.end()) {
    judgement.retry_after = rest::parse_retry_after(header->second, now);
  }
  return judgement;
}

}  // namespace gracedb::supervisor
