#pragma once

#include "http/address.hpp"

#include <httplib.h>

#include <cstddef>
#include <memory>
#include <thread>

namespace gracedb::http {

/// Binds a server of the HTTP library to an address and runs it, with a thread for each open connection.
class Listener {
 public:
  /// Binds; connections are taken from start() on.
  /// @param server            with its routes, or to be given them before start()
  /// @param most_connections  open at a time; further ones wait
  /// @throws std::runtime_error  the address cannot be used
  Listener(std::unique_ptr<httplib::Server> server, Address address, std::size_t most_connections);
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  httplib::Server& server() noexcept { return *server_; }
  /// With the port that was chosen.
  const Address& address() const noexcept { return address_; }

  void start();
  /// Ends all connections, requests under way included, and joins all threads. What a request waits for must
  /// have been told to end.
  void stop();

 private:
  void bind();

  std::unique_ptr<httplib::Server> server_;
  Address address_;
  int descriptor_ = -1;
  std::thread thread_;
};

}  // namespace gracedb::http
