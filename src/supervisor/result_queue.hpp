#pragma once

#include "supervisor/uploader.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace gracedb::supervisor {

/// Takes results from the uploading thread to the loop, and wakes the loop wherever it waits.
class ResultQueue {
 public:
  /// @param wake  called when the queue is no longer empty, on the thread that has filled it
  explicit ResultQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  void push(UploadResult result);
  /// The uploader cannot go on; take() throws this from now on.
  void fail(std::exception_ptr failure) noexcept;
  std::vector<UploadResult> take();

  /// Waits for a result or a failure; false if there is none after `timeout` or interrupt().
  bool wait(std::chrono::milliseconds timeout);
  /// Ends the wait under way, or the next.
  void interrupt();

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<UploadResult> results_;
  std::exception_ptr failure_;
  bool interrupted_ = false;
};

}  // namespace gracedb::supervisor
