#include "core/thread_pool.hpp"

#include <utility>

namespace gracedb {

void ThreadPool::finish() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void ThreadPool::run(std::function<void()> work) {
  const MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  if (queue_.size() > idle_ && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { this->work(); });
  }
  changed_.notify_one();
}

void ThreadPool::work() {
  MutexLock lock(mutex_);
  while (true) {
    ++idle_;
    while (!stopping_ && queue_.empty())
      changed_.wait(mutex_);
    --idle_;
    if (queue_.empty()) return;
    const std::function<void()> next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    next();
    lock.lock();
  }
}

}  // namespace gracedb
