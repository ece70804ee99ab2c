#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

/// Clang's -Wthread-safety checks these annotations; other compilers ignore them.
#if defined(__clang__)
#define GRACEDB_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define GRACEDB_THREAD_ANNOTATION(x)
#endif

#define GUARDED_BY(mutex) GRACEDB_THREAD_ANNOTATION(guarded_by(mutex))
#define REQUIRES(...) GRACEDB_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) GRACEDB_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRED_BEFORE(...) GRACEDB_THREAD_ANNOTATION(acquired_before(__VA_ARGS__))

namespace gracedb {

/// A std::mutex that -Wthread-safety can follow; the standard library's has no annotations.
class GRACEDB_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() GRACEDB_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() GRACEDB_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds a Mutex until the end of its block; unlock() and lock() release it in between.
class GRACEDB_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) GRACEDB_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() GRACEDB_THREAD_ANNOTATION(release_capability()) {
    if (locked_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() GRACEDB_THREAD_ANNOTATION(release_capability()) {
    locked_ = false;
    mutex_.unlock();
  }
  void lock() GRACEDB_THREAD_ANNOTATION(acquire_capability()) {
    mutex_.lock();
    locked_ = true;
  }

 private:
  Mutex& mutex_;
  bool locked_ = true;
};

/// A condition variable for Mutex. Its waits may wake up early: call them in a loop that tests the condition.
class CondVar {
 public:
  void notify_one() noexcept { changed_.notify_one(); }
  void notify_all() noexcept { changed_.notify_all(); }

  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    changed_.wait(lock);
    static_cast<void>(lock.release());
  }

  /// @return false if `deadline` has passed
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = changed_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    static_cast<void>(lock.release());
    return in_time;
  }

 private:
  std::condition_variable changed_;
};

}  // namespace gracedb
