#include "supervisor/result_queue.hpp"

#include <utility>

namespace gracedb::supervisor {

void ResultQueue::push(UploadResult result) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = results_.empty();
    results_.push_back(std::move(result));
  }
  if (!was_empty) return;
  filled_.notify_one();
  wake_();
}

void ResultQueue::fail(std::exception_ptr failure) noexcept {
  {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  filled_.notify_one();
  wake_();
}

std::vector<UploadResult> ResultQueue::take() {
  const std::lock_guard lock(mutex_);
  if (failure_ && results_.empty()) std::rethrow_exception(failure_);
  return std::exchange(results_, {});
}

bool ResultQueue::wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  filled_.wait_for(lock, timeout, [this] { return !results_.empty() || failure_ || interrupted_; });
  interrupted_ = false;
  return !results_.empty() || failure_;
}

void ResultQueue::interrupt() {
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  filled_.notify_one();
}

}  // namespace gracedb::supervisor
