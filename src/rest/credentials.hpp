#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "core/mutex.hpp"
#include "core/url.hpp"
#include "rest/http.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// The credentials of a GraceDB client: a bearer token, an X.509 certificate, or none.
namespace gracedb::rest {

/// The result of the search for an X.509 certificate.
struct CertificateSearch {
  std::optional<Certificate> certificate;
  /// Every place, in search order.
  std::vector<auth::Place> places;
};

/// Searches $X509_USER_CERT with $X509_USER_KEY, $X509_USER_PROXY, and /tmp/x509up_u<uid>; the last must be a
/// regular file of the user or of root. Skips an expired certificate.
CertificateSearch find_certificate(const auth::Environment& environment);

/// Why `certificate` cannot be used; empty if it can.
std::optional<std::string> fault_of(const Certificate& certificate, const auth::Environment& environment);

/// Selects the credentials of each request: a bearer token if there is one and it may be sent to the URL,
/// else a certificate, else none. Thread-safe.
class Credentials {
 public:
  /// @throws std::invalid_argument  contradictory options, an unusable `cred`
  /// @throws CredentialError        fail_if_noauth and no credentials
  Credentials(const GraceDbOptions& options, const Url& service,
              auth::Environment environment = auth::Environment::of_process());

  /// The credentials for `url`, which must be on the service's host.
  Authorization authorization(const Url& url) EXCLUDES(mutex_);

  /// Searches for a token again after the server rejected the current one; true if the token has changed.
  bool renew() EXCLUDES(mutex_);

  /// When the current token expires; empty without a token or without `exp`.
  std::optional<std::chrono::system_clock::time_point> token_expiry() EXCLUDES(mutex_);

  /// "bearer token of <subject> from <source>", "certificate <path>", "none".
  std::string describe() EXCLUDES(mutex_);

  /// For the message of a 401 or 403: what was sent, or why no token was sent, and what to do about it.
  std::string explain(const Authorization& sent) EXCLUDES(mutex_);

 private:
  std::optional<auth::OAuthToken> find_token() EXCLUDES(mutex_);
  void note_failure(std::string failure) EXCLUDES(mutex_);
  void select_certificate(const GraceDbOptions& options);
  void require_credentials() EXCLUDES(mutex_);
  std::string why_no_token() EXCLUDES(mutex_);

  const Url service_;
  const auth::TokenRequest request_;
  const auth::Environment environment_;
  const bool anonymous_;
  // Constant after construction; the refresh manager is thread-safe.
  std::optional<auth::SciTokenRefreshManager> tokens_;
  std::optional<Certificate> certificate_;

  // The only lock of this file; not held during discovery.
  Mutex mutex_;
  // Why the last discovery failed; empty if it found a token.
  std::string token_failure_ GUARDED_BY(mutex_);
};

}  // namespace gracedb::rest
