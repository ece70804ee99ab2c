#pragma once

#include "http/address.hpp"
#include "supervisor/monitor.hpp"
#include "supervisor/status_document.hpp"

#include <chrono>
#include <cstddef>
#include <memory>

namespace gracedb::supervisor {

struct StatusServerOptions {
  http::Address address = {};
  Identity identity = {};
  std::chrono::milliseconds longest_quiet{90'000};  ///< of the loop, before it counts as stuck
  std::size_t most_viewers = 16;                    ///< of the status page, at a time
};

/// Serves /metrics, /livez, /readyz and the status page. Each connection has a thread of its own, so that a
/// slow reader holds up nobody.
class StatusServer {
 public:
  /// Listens at once.
  /// @throws std::runtime_error  the address cannot be used
  StatusServer(StatusServerOptions options, Monitor& monitor);
  /// Ends all connections.
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  /// With the port that was chosen.
  const http::Address& address() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::supervisor
