#pragma once

#include "http/address.hpp"

#include <httplib.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

/// HTTP serving for the supervisor and the sandbox, on cpp-httplib 0.11 (Debian 12) to 0.18 (Debian 13).
namespace gracedb::http {

/// Creates a server for HTTPS. Both files are PEM.
/// @throws std::runtime_error  the certificate or its key cannot be used
std::unique_ptr<httplib::Server> make_tls_server(const std::filesystem::path& certificate,
                                                 const std::filesystem::path& key);

/// Binds a server to an address and runs it. Each open connection has a thread, and a thread is reused after its
/// connection ends: with the fixed thread pool of cpp-httplib, idle keep-alive connections block new ones.
class Listener {
 public:
  /// Binds the address. The server accepts connections after start().
  /// @param server            its routes may be added until start()
  /// @param most_connections  maximum number of open connections; more wait
  /// @throws std::runtime_error  the address cannot be used
  Listener(std::unique_ptr<httplib::Server> server, Address address, std::size_t most_connections);
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  httplib::Server& server() noexcept { return *server_; }
  /// The bound address, with the actual port.
  const Address& address() const noexcept { return address_; }

  void start();
  /// Closes all connections, even during a request, and joins all threads. The caller first ends whatever a request
  /// handler waits for.
  void stop();

 private:
  void bind();

  std::unique_ptr<httplib::Server> server_;
  Address address_;
  int descriptor_ = -1;
  std::thread thread_;
};

/// Identifies an open connection of this process. cpp-httplib does not expose the socket of a request, so the functions
/// below find it by its two ends.
struct Peer {
  int local_port = 0;
  std::string address;  // remote, numeric
  int port = 0;         // remote
};

/// Shuts the connection down in both directions. No effect if it is already closed.
void shut_down_connection(const Peer& peer);

/// True if the peer has closed the connection or the connection no longer exists.
bool is_closed_by_peer(const Peer& peer);

}  // namespace gracedb::http
