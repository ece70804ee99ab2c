#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "core/url.hpp"
#include "rest/transfer.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace gracedb::rest {

/// Decides what each request of a client is authenticated with: a bearer token where one is found and may
/// travel to the URL, else an X.509 certificate, else nothing. Safe to share between threads.
class Credentials {
 public:
  /// @throws std::invalid_argument  contradictory options, an unusable `cred`
  /// @throws CredentialError        fail_if_noauth and no credential
  Credentials(const GraceDbOptions& options, const Url& service,
              auth::Environment environment = auth::Environment::of_process());

  /// What to send to `url`, which is on the service's host.
  Authorization authorization(const Url& url);

  /// Looks for a new token after a refusal; true if there is another one than before.
  bool renew();

  /// When the token in use ends; none without one, or for one without an end.
  std::optional<std::chrono::system_clock::time_point> token_expiry();

  /// "bearer token of <subject> from <source>", "certificate <path>", "none".
  std::string describe();

  /// For the error text of a 401 or 403: what had been sent, or why nothing, and what to do about it.
  std::string explain(const Authorization& sent);

 private:
  std::optional<auth::OAuthToken> find_token();
  void find_certificate_for(const GraceDbOptions& options);
  void require_some();
  std::string why_no_token();

  const Url service_;
  const auth::TokenRequest request_;
  const auth::Environment environment_;
  const bool anonymous_;
  std::optional<auth::SciTokenRefreshManager> tokens_;
  std::optional<Certificate> certificate_;

  std::mutex mutex_;
  std::string token_failure_;  ///< why the last search found no token; empty if it did
};

}  // namespace gracedb::rest
