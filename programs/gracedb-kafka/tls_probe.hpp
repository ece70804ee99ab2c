#pragma once

#include "gracedb-kafka/broker_probe.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::cli {

struct TlsSettings {
  std::optional<std::string> ca_cert;  ///< PEM file; default: the system's certificates
  bool verify_name = true;
};

/// What a TLS handshake has shown.
struct TlsFinding {
  std::string version;             ///< "TLSv1.3"
  std::string issuer;              ///< common name, or organization, of the certificate's issuer
  std::vector<std::string> names;  ///< the names and addresses the certificate is for
  std::chrono::system_clock::time_point expires;
  std::string fault;  ///< why the certificate is not trusted; empty if it is
};

/// Shakes hands and looks at the certificate; one that is not trusted is told, not thrown.
/// @throws ProbeError  no handshake within `timeout`, or the CA file cannot be used
TlsFinding probe_tls(Socket socket, const std::string& host, const TlsSettings& settings,
                     std::chrono::milliseconds timeout);

}  // namespace gracedb::cli
