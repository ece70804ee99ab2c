#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/url.hpp"
#include "rest/credentials.hpp"
#include "rest/http_client.hpp"
#include "rest/http_request.hpp"

#include <optional>

namespace gracedb::rest {

/// Sends requests to one service: with its credential, its retries, its redirects and its errors. Safe to
/// share between threads.
class Session {
 public:
  /// @throws as Credentials
  explicit Session(const GraceDbOptions& options,
                   auth::Environment environment = auth::Environment::of_process());

  /// Sends `request` until there is an answer that counts.
  /// @throws HttpError            a status of 400 or above, or a redirect that cannot be followed
  /// @throws HttpConnectionError  no answer
  Response send(const HttpRequest& request);

  /// Sends `request` once, without a credential; its answer does not matter.
  void touch(const HttpRequest& request) { http_.send(request, {}); }
  /// See HttpClient::idle().
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

}  // namespace gracedb::rest
