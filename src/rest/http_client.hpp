#pragma once

#include "rest/transfer.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace gracedb::rest {

/// Sends requests, one at a time for each calling thread. Connections are kept alive and shared between
/// threads.
class HttpClient {
 public:
  explicit HttpClient(ConnectionSettings settings);

  /// Sends `request` once. Does not throw for any answer or for the lack of one, unless interrupted.
  Exchange send(const HttpRequest& request, const Authorization& authorization);

  const ConnectionSettings& settings() const noexcept { return settings_; }

 private:
  /// A handle for one request at a time and what drives it, which keeps its connections.
  struct Lane {
    std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> driver{curl_multi_init(), &curl_multi_cleanup};
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(), &curl_easy_cleanup};

    /// @throws as interruption::check()
    CURLcode perform();
  };

  Lane take();
  void give_back(Lane lane);

  ConnectionSettings settings_;
  std::mutex mutex_;
  std::vector<Lane> idle_;  ///< the last one used, whose connection is the freshest, comes first
};

}  // namespace gracedb::rest
