#pragma once

#include "common/exit_code.hpp"
#include "core/file.hpp"

#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Examines a broker one layer at a time, without librdkafka: DNS, TCP, TLS, Kafka.
namespace gracedb::cli {

/// A failed probe: the reason, and the remedy.
class ProbeError : public programs::ProgramError {
 public:
  ProbeError(programs::ExitCode code, const std::string& message, std::string advice)
      : ProgramError(code, message), advice_(std::move(advice)) {}
  const std::string& advice() const noexcept { return advice_; }

 private:
  std::string advice_;
};

/// A bootstrap server.
struct Server {
  std::string host;
  std::string port;
  /// "host:port", with brackets around an IPv6 address.
  std::string text() const;
};

/// Parses e.g. "SASL_SSL://kafka.ligo.org:9092,[::1]:9093". The default port is 9092.
std::vector<Server> parse_servers(std::string_view bootstrap_servers);

struct Address {
  sockaddr_storage value{};
  socklen_t length = 0;
  /// "192.0.2.1:9092"
  std::string text() const;
};

/// Returns every address of a server.
/// @throws ProbeError  the name cannot be resolved
std::vector<Address> resolve(const Server& server);

/// A connected, non-blocking socket.
class Socket {
 public:
  /// @throws ProbeError  the connection is refused, or not established within `timeout`
  Socket(const Address& address, std::chrono::milliseconds timeout);

  int descriptor() const noexcept { return descriptor_.get(); }

  /// Waits for POLLIN or POLLOUT.
  /// @return false if `deadline` has passed
  bool wait(short events, std::chrono::steady_clock::time_point deadline) const;

 private:
  UniqueFd descriptor_;
};

struct TlsSettings {
  /// PEM file with CA certificates. Default: the system's.
  std::optional<std::string> ca_cert;
  bool verify_name = true;
};

/// The result of a TLS handshake.
struct TlsResult {
  /// "TLSv1.3"
  std::string version;
  /// Common name, or organization, of the certificate's issuer.
  std::string issuer;
  /// Host names and addresses that the certificate is valid for.
  std::vector<std::string> names;
  std::chrono::system_clock::time_point expires;
  /// Why the certificate is not trusted; empty if it is trusted.
  std::string error;
};

/// Performs a TLS handshake and reports the certificate. An untrusted certificate is not an exception.
/// @throws ProbeError  no handshake within `timeout`, or the CA file is unusable
TlsResult probe_tls(Socket socket, const std::string& host, const TlsSettings& settings,
                    std::chrono::milliseconds timeout);

/// The protocol of a broker's listener.
enum class Listener {
  tls,
  /// Kafka with login, without TLS.
  sasl_plaintext,
  /// Kafka with neither login nor TLS.
  plaintext,
  /// None of these.
  unknown,
};

/// Sends two Kafka requests without side effects in plain text, then tries a TLS handshake.
/// @throws ProbeError  the address is unreachable
Listener identify_listener(const Server& server, const Address& address, std::chrono::milliseconds timeout);

}  // namespace gracedb::cli
