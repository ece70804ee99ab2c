#pragma once

#include "http/address.hpp"
#include "sandbox/api.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/token_verifier.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

namespace gracedb::sandbox {

/// The HTTP side: takes requests, lets faults happen, finds out who asks, and hands over to the API.
class Server {
 public:
  struct Options {
    http::Address address{};
    std::optional<std::filesystem::path> tls_certificate;  ///< PEM; with `tls_key` for HTTPS
    std::optional<std::filesystem::path> tls_key;
    std::chrono::milliseconds answer_delay{0};
  };

  /// Binds the port; requests are served from start() on.
  /// @throws std::runtime_error  the port or the certificate cannot be used
  Server(Options options, FaultPlan& faults);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const noexcept;

  /// @param own_routes  those that are not below "/api/"
  /// @param verifier    none: everybody is let in as "sandbox"
  void start(const Api& api, const Router& own_routes, TokenVerifier* verifier);
  /// Ends all connections, requests under way included, and joins all threads.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace gracedb::sandbox
