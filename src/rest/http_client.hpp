#pragma once

#include "rest/transfer.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace gracedb::rest {

/// Sends requests, one at a time for each calling thread. Connections are kept alive and shared between
/// threads.
class HttpClient {
 public:
  explicit HttpClient(ConnectionSettings settings);

  /// Sends `request` once. Does not throw for any answer or for the lack of one, unless interrupted.
  Exchange send(const HttpRequest& request, const Authorization& authorization);

  /// The connection that the next request will take.
  struct Idle {
    std::chrono::steady_clock::duration time{};  ///< since it was last used
    bool is_open = false;                        ///< false: the server has closed it
  };
  /// None where there is none, say because a request is under way on the only one.
  std::optional<Idle> idle();

  const ConnectionSettings& settings() const noexcept { return settings_; }

 private:
  /// A handle for one request at a time and what drives it, which keeps its connections.
  struct Lane {
    std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> driver{curl_multi_init(), &curl_multi_cleanup};
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(), &curl_easy_cleanup};

    curl_socket_t socket = CURL_SOCKET_BAD;  ///< of the connection that the last request has left open

    /// @throws as interruption::check()
    CURLcode perform();
  };

  Lane take();
  void give_back(Lane lane);

  ConnectionSettings settings_;
  std::mutex mutex_;
  std::vector<Lane> idle_;  ///< the last one used, whose connection is the freshest, comes first
  std::chrono::steady_clock::time_point last_use_;
};

}  // namespace gracedb::rest
