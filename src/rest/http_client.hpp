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

  /// Sends `request` once. Does not throw for any answer or for the lack of one.
  Exchange send(const HttpRequest& request, const Authorization& authorization);

  const ConnectionSettings& settings() const noexcept { return settings_; }

 private:
  using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

  Handle take();
  void give_back(Handle handle);

  ConnectionSettings settings_;
  std::mutex mutex_;
  std::vector<Handle> idle_;  ///< the last one used, whose connection is the freshest, comes first
};

}  // namespace gracedb::rest
