#pragma once

#include "core/mutex.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

namespace gracedb {

/// A bounded number of threads for blocking work. A thread starts when there is work and no idle thread.
class ThreadPool {
 public:
  explicit ThreadPool(std::size_t max_threads) : max_threads_(max_threads) {}
  ~ThreadPool() { finish(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// @param work  must not throw
  void run(std::function<void()> work) EXCLUDES(mutex_);
  /// Completes all queued work and joins the threads. run() must not be called afterwards.
  void finish() EXCLUDES(mutex_);

 private:
  void work() EXCLUDES(mutex_);

  const std::size_t max_threads_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  // Joined by finish() without the lock, when no other call is allowed any more.
  std::vector<std::jthread> threads_;
};

}  // namespace gracedb
