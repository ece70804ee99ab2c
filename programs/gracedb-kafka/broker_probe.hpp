#pragma once

#include "common/exit_code.hpp"

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Looking at a broker from below, one layer at a time: names and connections.
namespace gracedb::cli {

/// A look that failed: what was found, and what to do about it.
class ProbeError : public programs::ProgramError {
 public:
  ProbeError(programs::ExitCode code, const std::string& message, std::string advice)
      : ProgramError(code, message), advice_(std::move(advice)) {}
  const std::string& advice() const noexcept { return advice_; }

 private:
  std::string advice_;
};

/// One of the bootstrap servers.
struct Server {
  std::string host;
  std::string port;
  std::string text() const;  ///< "host:port", brackets around an IPv6 address
};

/// "SASL_SSL://kafka.ligo.org:9092,[::1]:9093" gives two; the port is 9092 where none is given.
std::vector<Server> parse_servers(std::string_view bootstrap_servers);

struct Address {
  sockaddr_storage value{};
  socklen_t length = 0;
  std::string text() const;  ///< "192.0.2.1:9092"
};

/// Every address of a server.
/// @throws ProbeError  the name is not known
std::vector<Address> resolve(const Server& server);

/// A connected, non-blocking socket.
class Socket {
 public:
  /// @throws ProbeError  refused, unreachable, or not answered within `timeout`
  Socket(const Address& address, std::chrono::milliseconds timeout);
  ~Socket();
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&&) = delete;

  int descriptor() const noexcept { return descriptor_; }

  /// Waits for POLLIN or POLLOUT; false where `deadline` passed.
  bool wait(short events, std::chrono::steady_clock::time_point deadline) const;

 private:
  int descriptor_;
};

}  // namespace gracedb::cli
