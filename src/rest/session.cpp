#include "rest/session.hpp"

#include "core/interruption.hpp"
#include "core/log.hpp"
#include "rest/error_text.hpp"
#include "rest/retry.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gracedb::rest {
namespace {

constexpr log::Logger logger{"gracedb.rest"};
constexpr int most_redirects = 5;

void check_positive(std::chrono::milliseconds time, std::string_view name) {
  if (time.count() <= 0) throw std::invalid_argument(fmt::format("{} is not positive", name));
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

bool is_refused_credential(const Response& response) {
  return response.status == 401 || response.status == 403;
}

// 301, 302 and 303 turn a POST into a GET in most clients, and so lose what was sent.
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
  log::write(level, logger.name, "{} {}: {}; trying again in {} ms", name_of(request.method),
             without_query(request.url), why, wait.count());
  interruption::sleep_for(wait);
}

}  // namespace

Session::Session(const GraceDbOptions& options, auth::Environment environment)
    : service_(parse_service_url(options.service_url)),
      policy_(options.retry),
      credentials_(options, service_, std::move(environment)),
      http_(connection_settings(options)) {}

Response Session::send(const HttpRequest& request) { return send(request, 0); }

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
      const bool explain = is_refused_credential(response);
      throw refusal(request, response, explain ? credentials_.explain(authorization) : std::string());
    }
    pause(*wait, fmt::format("answered {} {}", response.status, response.reason), request);
  }
}

// A refused credential is renewed and tried once more: the token file may have been replaced in the meantime.
Exchange Session::exchange(const HttpRequest& request, Authorization& authorization) {
  const Url url = parse_url(request.url);
  authorization = credentials_.authorization(url);
  Exchange outcome = http_.send(request, authorization);
  if (!outcome.failure && is_refused_credential(outcome.response) && credentials_.renew()) {
    logger.info("GraceDB answered {}; trying again with a new token", outcome.response.status);
    authorization = credentials_.authorization(url);
    outcome = http_.send(request, authorization);
  }
  return outcome;
}

Response Session::follow(const HttpRequest& request, const Response& redirect, int redirects) {
  const auto location = redirect.headers.find("location");
  if (location == redirect.headers.end())
    throw unexpected_answer(request, redirect, "a redirect without a target");
  const Url target = target_of(request, redirect, location->second);
  if (!stays_on_host(service_, target)) {
    throw unexpected_answer(
        request, redirect,
        fmt::format("a redirect to another server, {}, is not followed; check the service URL",
                    target.authority()));
  }
  if (request.method != Method::get && !keeps_method(redirect.status)) {
    throw unexpected_answer(request, redirect,
                            fmt::format("a redirect to {} would lose what was sent; check the service URL",
                                        without_query(target.text)));
  }
  if (redirects >= most_redirects) throw unexpected_answer(request, redirect, "too many redirects");
  HttpRequest next = request;
  next.url = target.text;
  return send(next, redirects + 1);
}

}  // namespace gracedb::rest
