#include "supervisor/verdict.hpp"

#include "rest/session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {
namespace {

constexpr int ok = 200;
constexpr int unauthorized = 401;
constexpr int forbidden = 403;
constexpr int request_timeout = 408;
constexpr int too_many_requests = 429;

// What GraceDB says of a completed event. Most of the answer is of no interest here, so no tree is made of
// it.
class Answer {
 public:
  explicit Answer(std::string_view body) : text_(body), document_(parser_.parse(text_)) {}

  // A completion that had been there before is told by 200 and a flag, a new one by 201.
  bool had_been_complete() const {
    bool flag = false;
    return document_["already_complete"].get(flag) == simdjson::SUCCESS && flag;
  }

  // An event that GraceDB cannot read is complete all the same, but there will be no alert.
  std::string warnings() const {
    simdjson::dom::array array;
    if (document_["warnings"].get(array) != simdjson::SUCCESS) return {};
    std::vector<std::string_view> warnings;
    for (const auto warning : array) {
      if (std::string_view text; warning.get(text) == simdjson::SUCCESS) warnings.push_back(text);
    }
    return fmt::format("{}", fmt::join(warnings, "; "));
  }

 private:
  simdjson::padded_string text_;
  simdjson::dom::parser parser_;
  simdjson::simdjson_result<simdjson::dom::element> document_;
};

// A redirect is not followed: it is a matter of configuration, and no fault of the message.
Verdict verdict_of(const rest::Response& response) {
  const int status = response.status;
  if (status >= 200 && status < 300) return Verdict::done;
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
  if (judgement.verdict == Verdict::done) {
    const Answer answer(response.body);
    if (response.status == ok && answer.had_been_complete()) judgement.verdict = Verdict::duplicate;
    judgement.reason = answer.warnings();
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
