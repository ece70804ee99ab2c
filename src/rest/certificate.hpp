#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/rest/gracedb.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gracedb::rest {

/// The outcome of looking for an X.509 credential.
struct CertificateSearch {
  std::optional<Certificate> certificate;
  std::vector<auth::Place> places;  ///< every place looked at, in order
};

/// Looks at $X509_USER_CERT with $X509_USER_KEY, $X509_USER_PROXY, and /tmp/x509up_u<uid>; the last must be a
/// regular file of the caller or of root. An expired certificate is passed over.
CertificateSearch find_certificate(const auth::Environment& environment);

/// Why `certificate` cannot be used, or nothing.
std::optional<std::string> fault_of(const Certificate& certificate, const auth::Environment& environment);

}  // namespace gracedb::rest
