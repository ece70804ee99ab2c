#include "rest/session.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gracedb::rest {
namespace {

using nlohmann::json;

constexpr log::Logger logger{"gracedb.rest"};
constexpr int max_redirects = 5;

void check_positive(std::chrono::milliseconds time, std::string_view name) {
  if (time.count() <= 0) throw std::invalid_argument(fmt::format("{} must be positive", name));
}

ConnectionSettings connection_settings(const GraceDbOptions& options) {
  check_positive(options.connect_timeout, "connect_timeout");
  check_positive(options.timeout, "timeout");
  if (options.ca_cert_path && access(options.ca_cert_path->c_str(), R_OK) != 0) {
    throw std::invalid_argument(fmt::format("cannot read ca_cert_path {}: {}", *options.ca_cert_path,
                                            std::generic_category().message(errno)));
  }
  return {.ca_cert_path = options.ca_cert_path,
          .connect_timeout = options.connect_timeout,
          .timeout = options.timeout};
}

bool is_redirect(const Response& response) {
  constexpr std::array<int, 5> statuses = {301, 302, 303, 307, 308};
  return std::find(statuses.begin(), statuses.end(), response.status) != statuses.end();
}

// After 301, 302 and 303 most clients send a GET, without the body.
bool keeps_method(int status) { return status == 307 || status == 308; }

Url target_of(const HttpRequest& request, const Response& redirect, const std::string& location) {
  try {
    return resolve_url(parse_url(request.url), location);
  } catch (const std::invalid_argument& error) {
    throw unexpected_answer(request, redirect, error.what());
  }
}

void pause(std::chrono::milliseconds wait, std::string_view why, const HttpRequest& request) {
  const auto level = wait < std::chrono::seconds(1) ? LogLevel::info : LogLevel::warning;
  log::write(level, logger.name, "{} {}: {}; retrying in {} ms", name_of(request.method),
             without_query(request.url), why, wait.count());
  interruption::sleep_for(wait);
}

// The keys of a reason, in order of preference.
constexpr std::array<std::string_view, 5> detail_keys = {"error", "errors", "detail", "warnings", "message"};

// Recursive: `value` comes from parse_json(), which limits its depth.
std::string joined(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return {};
  if (!value.is_structured()) return value.dump();
  std::string text;
  for (const auto& item : value.items()) {
    std::string one = joined(item.value());
    if (one.empty()) continue;
    if (value.is_object()) one.insert(0, item.key() + ": ");
    if (!text.empty()) text += "; ";
    text += one;
  }
  return text;
}

std::string detail_of_json(const json& body) {
  if (body.is_object()) {
    for (const std::string_view key : detail_keys) {
      const auto found = body.find(key);
      if (found == body.end()) continue;
      if (std::string text = joined(*found); !text.empty()) return text;
    }
  }
  return joined(body);
}

std::string title_of(std::string_view page) {
  constexpr std::string_view open = "<title>";
  const std::size_t start = page.find(open);
  const std::size_t end = page.find("</title>", start);
  if (start == std::string_view::npos || end == std::string_view::npos) return {};
  return std::string(page.substr(start + open.size(), end - start - open.size()));
}

std::string retry_after(const Response& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return "later";
  const std::string value = safe_line(header->second);
  const bool is_number = value.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? fmt::format("in {} s", value) : "after " + value;
}

std::string advice(const Response& response, std::string_view credential) {
  switch (response.status) {
    case 401:
    case 403:
      return std::string(credential);
    case 404:
      return "check the id and the service URL";
    case 408:
    case 502:
    case 504:
      return "GraceDB may be overloaded; try again later";
    case 413:
      return "the file exceeds the size limit of this server";
    case 429:
      return "too many requests; try again " + retry_after(response);
    case 503:
      return "GraceDB is overloaded or under maintenance; try again " + retry_after(response);
    default:
      return {};
  }
}

std::string line_of(std::string_view what, const HttpRequest& request, const Response& response) {
  return fmt::format("{} {} {} with {}{}{}", what, name_of(request.method), without_query(request.url),
                     response.status, response.reason.empty() ? "" : " ", safe_line(response.reason));
}

std::string what_failed(const HttpRequest& request, const ExchangeFailure& failure, const Url& url) {
  using Kind = ExchangeFailure::Kind;
  const std::string where = fmt::format("{}:{}", url.bracketed_host(), url.port);
  switch (failure.kind) {
    case Kind::resolve:
      return fmt::format("no such host: {}", url.host);
    case Kind::connect:
      return fmt::format("could not connect to {}: {}", where, failure.reason);
    case Kind::certificate:
      return fmt::format("no trusted connection to {}: {}", where, failure.reason);
    case Kind::timeout:
      return failure.sent ? fmt::format("no answer in time to {} {}: {}", name_of(request.method),
                                        without_query(url.text), failure.reason)
                          : fmt::format("could not connect to {}: {}", where, failure.reason);
    case Kind::lost:
    case Kind::other:
      break;
  }
  return fmt::format("the connection to {} broke during {} {}: {}", where, name_of(request.method),
                     without_query(url.text), failure.reason);
}

std::string advice_for(const HttpRequest& request, const ExchangeFailure& failure) {
  if (failure.kind == ExchangeFailure::Kind::certificate) {
    return "check the certificates (ca_cert_path, cred) and the service URL";
  }
  if (failure.sent && !request.repeatable) {
    return "GraceDB may have processed the request, so it was not resent; check GraceDB before you retry";
  }
  return "check the service URL and the network";
}

// Bytes from outside, for example a Latin-1 reason phrase, must not make the message invalid UTF-8.
std::string clean(std::string_view message) { return printable_line(redact(message)); }

}  // namespace

Session::Session(const GraceDbOptions& options, auth::Environment environment)
    : service_(parse_service_url(options.service_url)),
      policy_(options.retry),
      credentials_(options, service_, std::move(environment)),
      http_(connection_settings(options)) {}

Response Session::send(const HttpRequest& request, int redirects) {
  RetrySchedule schedule(policy_);
  Authorization authorization;
  for (;;) {
    const Exchange outcome = exchange(request, authorization);
    if (outcome.failure) {
      const auto& failure = *outcome.failure;
      const bool may_repeat =
          failure.kind != ExchangeFailure::Kind::certificate && (request.repeatable || !failure.sent);
      const auto wait = may_repeat ? schedule.after_failure() : std::nullopt;
      if (!wait) throw connection_failure(request, failure, schedule.tries(), schedule.elapsed());
      pause(*wait, failure.reason, request);
      continue;
    }
    const Response& response = outcome.response;
    if (is_redirect(response)) return follow(request, response, redirects);
    if (response.status < 400) return response;
    const auto wait = schedule.after_answer(response);
    if (!wait) {
      const bool explain = is_rejected_credential(response.status);
      throw refusal(request, response, explain ? credentials_.explain(authorization) : std::string());
    }
    pause(*wait, fmt::format("answered {} {}", response.status, response.reason), request);
  }
}

// After 401 or 403 it retries once with a new token: the token file may have been replaced.
Exchange Session::exchange(const HttpRequest& request, Authorization& authorization) {
  const Url url = parse_url(request.url);
  authorization = credentials_.authorization(url);
  Exchange outcome = http_.send(request, authorization);
  if (!outcome.failure && is_rejected_credential(outcome.response.status) && credentials_.renew()) {
    logger.info("GraceDB answered {}; retrying with a new token", outcome.response.status);
    authorization = credentials_.authorization(url);
    outcome = http_.send(request, authorization);
  }
  return outcome;
}

Response Session::follow(const HttpRequest& request, const Response& redirect, int redirects) {
  const auto location = redirect.headers.find("location");
  if (location == redirect.headers.end())
    throw unexpected_answer(request, redirect, "a redirect without a Location header");
  const Url target = target_of(request, redirect, location->second);
  if (!stays_on_host(service_, target)) {
    throw unexpected_answer(
        request, redirect,
        fmt::format("a redirect to another server, {}, is not followed; check the service URL",
                    target.authority()));
  }
  if (request.method != Method::get && !keeps_method(redirect.status)) {
    throw unexpected_answer(request, redirect,
                            fmt::format("a redirect to {} would drop the request body; check the service URL",
                                        without_query(target.text)));
  }
  if (redirects >= max_redirects) throw unexpected_answer(request, redirect, "too many redirects");
  HttpRequest next = request;
  next.url = target.text;
  return send(next, redirects + 1);
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now) {
  using std::chrono::seconds;
  constexpr seconds longest{10'000'000};
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) return std::min(seconds(number), longest);
  const std::time_t date = curl_getdate(std::string(value).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  // In seconds: a date after 2262 overflows system_clock::time_point.
  const seconds wait = seconds(date) - std::chrono::floor<seconds>(now.time_since_epoch());
  return std::clamp(wait, seconds(0), longest);
}

RetrySchedule::RetrySchedule(const RetryPolicy& policy)
    : policy_(policy), backoff_(policy.backoff, policy.longest_wait) {}

std::optional<RetrySchedule::Milliseconds> RetrySchedule::after_answer(const Response& response) {
  std::optional<Milliseconds> retry_after;
  if (const auto header = response.headers.find("retry-after"); header != response.headers.end()) {
    retry_after = parse_retry_after(header->second, std::chrono::system_clock::now());
  }
  if (!is_worth_retrying(response.status, retry_after.has_value())) return std::nullopt;
  return next(retry_after.value_or(Milliseconds(0)));
}

RetrySchedule::Milliseconds RetrySchedule::elapsed() const {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start_);
}

bool RetrySchedule::is_worth_retrying(int status, bool has_retry_after) const {
  switch (status) {
    case 408:
    case 502:
    case 504:
      return true;
    case 409:
      return policy_.retry_conflict;
    case 429:
    case 503:
      return has_retry_after;
    default:
      return false;
  }
}

std::optional<RetrySchedule::Milliseconds> RetrySchedule::next(Milliseconds at_least) {
  if (tries_ > policy_.tries || at_least > policy_.longest_wait) return std::nullopt;
  const Milliseconds wait = at_least + std::min(backoff_.next(), policy_.longest_wait - at_least);
  if (wait > policy_.longest_total - elapsed()) return std::nullopt;
  ++tries_;
  return wait;
}

std::string detail_of(const Response& response) {
  std::string text;
  try {
    text = detail_of_json(parse_json(response.body));
  } catch (const std::invalid_argument&) {
    const std::size_t first = response.body.find_first_not_of(" \t\r\n");
    const bool is_page = first != std::string::npos && response.body[first] == '<';
    text = is_page ? title_of(response.body) : response.body;
  }
  return printable_line(safe_line(text));
}

HttpError refusal(const HttpRequest& request, const Response& response, std::string_view credential) {
  std::string text =
      line_of(response.status < 500 ? "GraceDB refused" : "GraceDB failed at", request, response);
  if (const std::string detail = detail_of(response); !detail.empty()) text += ": " + detail;
  if (const std::string next = advice(response, credential); !next.empty()) text += "; " + next;
  return {clean(text), response.status, response.reason, response.body, response.headers};
}

HttpError unexpected_answer(const HttpRequest& request, const Response& response, std::string_view what) {
  const std::string text = fmt::format("{}: {}", line_of("GraceDB answered", request, response), what);
  return {clean(text), response.status, response.reason, response.body, response.headers};
}

HttpConnectionError connection_failure(const HttpRequest& request, const ExchangeFailure& failure, int tries,
                                       std::chrono::milliseconds elapsed) {
  std::string text = what_failed(request, failure, parse_url(request.url));
  if (tries > 1) text += fmt::format(" ({} tries in {:.1f} s)", tries, to_seconds(elapsed));
  return HttpConnectionError{clean(fmt::format("{}; {}", text, advice_for(request, failure)))};
}

}  // namespace gracedb::rest
