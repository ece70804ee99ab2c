#pragma once

#include "rest/api_root.hpp"
#include "rest/session.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gracedb::rest {

/// Opens a client's connection before it is needed, fetches the API root, and keeps the connection open: an
/// event that comes after a long silence should not have to wait for handshakes.
///
/// A look at the idle socket costs no traffic. Where the server has closed it, it is opened again at once,
/// and from then on the smallest request there is goes out a little before the server would close it the next
/// time.
class WarmConnection {
 public:
  /// Both must outlive it.
  /// @param stay  keep it open, beyond opening it
  WarmConnection(Session& session, ApiRootCache& root, bool stay);
  /// Breaks off what is under way.
  ~WarmConnection();
  WarmConnection(const WarmConnection&) = delete;
  WarmConnection& operator=(const WarmConnection&) = delete;

 private:
  void run() noexcept;
  void stay_open();
  bool is_stopped_within(std::chrono::milliseconds time);
  void look();

  Session& session_;
  ApiRootCache& root_;
  const bool stay_;
  std::chrono::steady_clock::duration longest_silence_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::thread thread_;
};

}  // namespace gracedb::rest
