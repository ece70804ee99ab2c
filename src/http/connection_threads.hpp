#pragma once

#include <httplib.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace gracedb::http {

/// Threads for the HTTP server: one for each open connection, used again when a connection has ended. A fixed
/// pool would let idle keep-alive connections shut new ones out.
class ConnectionThreads : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(std::size_t most_threads) : most_threads_(most_threads) {}

  void enqueue(std::function<void()> connection) override;
  void shutdown() override;

 private:
  void work();

  const std::size_t most_threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<std::function<void()>> waiting_;
  std::size_t idle_ = 0;
  bool is_stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace gracedb::http
