#pragma once

#include "gracedb/errors.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "core/backoff.hpp"
#include "core/url.hpp"
#include "rest/credentials.hpp"
#include "rest/http.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// Requests with credentials, retries, redirects, and errors that say what to do next.
namespace gracedb::rest {

/// Sends requests to one service. Thread-safe.
class Session {
 public:
  /// @throws std::invalid_argument  a timeout that is not positive, an unreadable ca_cert_path
  /// @throws std::invalid_argument, CredentialError  as Credentials
  explicit Session(const GraceDbOptions& options,
                   auth::Environment environment = auth::Environment::of_process());

  /// Sends `request`, with retries, until there is a final answer.
  /// @throws HttpError            a status of 400 or above, or a redirect that cannot be followed
  /// @throws HttpConnectionError  no answer
  Response send(const HttpRequest& request) { return send(request, 0); }

  /// Sends `request` once, without credentials, and ignores the answer.
  void touch(const HttpRequest& request) { http_.send(request, {}); }
  /// As HttpClient::idle().
  std::optional<HttpClient::Idle> idle_connection() { return http_.idle(); }

  const Url& service() const noexcept { return service_; }
  const ConnectionSettings& connection() const noexcept { return http_.settings(); }
  Credentials& credentials() noexcept { return credentials_; }

 private:
  Exchange exchange(const HttpRequest& request, Authorization& authorization);
  Response follow(const HttpRequest& request, const Response& redirect, int redirects);
  Response send(const HttpRequest& request, int redirects);

  const Url service_;
  const RetryPolicy policy_;
  Credentials credentials_;
  HttpClient http_;
};

/// Retry-After, a number of seconds or an HTTP date, as a time from `now`, at most about 115 days; empty if
/// it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

/// Decides for one request whether it is retried, and when.
class RetrySchedule {
 public:
  using Milliseconds = std::chrono::milliseconds;

  explicit RetrySchedule(const RetryPolicy& policy);

  /// How long to wait before the next try after this answer; empty: do not retry.
  std::optional<Milliseconds> after_answer(const Response& response);

  /// The same after a failure to connect or to get an answer.
  std::optional<Milliseconds> after_failure() { return next(Milliseconds(0)); }

  /// Tries so far.
  int tries() const noexcept { return tries_; }
  /// Time since the first try.
  Milliseconds elapsed() const;

 private:
  bool is_worth_retrying(int status, bool has_retry_after) const;
  std::optional<Milliseconds> next(Milliseconds at_least);

  const RetryPolicy policy_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Backoff backoff_;
  int tries_ = 1;
};

/// True for 401 and 403.
inline bool is_rejected_credential(int status) { return status == 401 || status == 403; }

/// The reason in the body of an error response (`error`, `errors`, `warnings`, `detail`, a JSON string, plain
/// text or the title of a web page), on one line, cut at 300 bytes; empty if there is none.
std::string detail_of(const Response& response);

/// The error for a response with a status of 400 or above.
/// @param credential  for 401 and 403: Credentials::explain()
HttpError refusal(const HttpRequest& request, const Response& response, std::string_view credential = {});

/// The error for a response with a status below 400 and an unexpected content.
HttpError unexpected_answer(const HttpRequest& request, const Response& response, std::string_view what);

/// The error for a request without a response.
HttpConnectionError connection_failure(const HttpRequest& request, const ExchangeFailure& failure, int tries,
                                       std::chrono::milliseconds elapsed);

}  // namespace gracedb::rest
