#pragma once

#include "http/connections.hpp"

#include <httplib.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace gracedb::http {

/// One TLS connection as the HTTP library reads and writes it, with a buffer for each direction: the library
/// asks for a request's headers byte by byte and writes an answer in pieces. Each wait for the other side
/// ends with the timeouts that the library has set on the socket.
class TlsStream final : public httplib::Stream {
 public:
  /// @param descriptor  of an accepted connection; the caller closes it
  TlsStream(SSL_CTX& context, int descriptor);

  /// The handshake, before anything else; false where it failed.
  bool accept();
  /// True once a request begins, or the other side has closed; false after `timeout`.
  bool wait_for_request(std::chrono::milliseconds timeout) const;
  /// Ends an answer; false where the connection has gone.
  bool end_answer();
  /// Tells the other side that nothing more comes.
  void say_goodbye();
  SSL* handle() const noexcept { return tls_.get(); }

  bool is_readable() const override { return wait_for_request({}); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& address, int& port) const override;
  void get_local_ip_and_port(std::string& address, int& port) const override;
  socket_t socket() const override { return descriptor_; }

 private:
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };

  bool send();
  bool has_unread() const { return begin_ < end_ || SSL_pending(tls_.get()) > 0; }

  std::unique_ptr<SSL, Free> tls_;
  int descriptor_;
  Endpoint local_;
  Endpoint remote_;
  std::array<char, 16'384> received_;  ///< of it, begin_ to end_ is unread; as long as a TLS record
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string written_;
  bool is_at_head_ = true;
};

}  // namespace gracedb::http
