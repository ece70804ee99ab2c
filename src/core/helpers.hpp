#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gracedb {

/// A few threads for work that waits; each is started when there is first something to do for it.
class Helpers {
 public:
  explicit Helpers(std::size_t most_threads) : most_threads_(most_threads) {}
  ~Helpers() { finish(); }
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  /// @param work  must not throw
  void run(std::function<void()> work);
  /// Finishes what is under way and what is queued; there must be nothing more to run().
  void finish();

 private:
  void serve();

  const std::size_t most_threads_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<std::function<void()>> queue_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace gracedb
