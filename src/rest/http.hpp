#pragma once

#include "rest/http_request.hpp"
#include "rest/transfer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace gracedb::rest {

/// Many HTTP exchanges at a time on one thread, by libcurl's multi interface, over connections that are kept
/// alive.
class HttpEngine {
 public:
  using Id = std::uint64_t;
  struct Finished {
    Id id = 0;
    Exchange exchange;
  };

  /// @param most_connections  open at a time; further requests wait for one
  HttpEngine(ConnectionSettings settings, std::size_t most_connections);
  ~HttpEngine();
  HttpEngine(const HttpEngine&) = delete;
  HttpEngine& operator=(const HttpEngine&) = delete;

  /// True if a request would be sent at once: over a connection of its own, or as one more stream of HTTP/2.
  /// More can be started, but libcurl looks at each of them each time.
  bool has_room() const noexcept;
  /// Begins to send a request. What it lends must stay until it has finished or is cancelled.
  void start(Id id, HttpRequest request, const Authorization& authorization);
  /// Breaks a request off. One that is not there is no fault.
  void cancel(Id id);

  /// Sends and receives until a request has finished, `timeout` has passed or wake() is called.
  std::vector<Finished> run(std::chrono::milliseconds timeout);
  /// Ends the run() under way, or the next; from any thread.
  void wake() noexcept;

 private:
  struct Running;
  using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

  Handle take_handle();
  std::vector<Finished> harvest();
  void note_version(CURL* handle) noexcept;
  void retire(Id id);

  const ConnectionSettings settings_;
  const std::size_t most_connections_;
  bool has_streams_ = false;  ///< the server speaks HTTP/2
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_;
  std::unordered_map<Id, std::unique_ptr<Running>> running_;
  std::unordered_map<CURL*, Id> ids_;
  std::vector<Handle> idle_;
};

}  // namespace gracedb::rest
