#pragma once

#include <chrono>
#include <functional>

namespace gracedb {

/// Makes the blocking calls of this thread interruptible, for example by a signal. While this object lives, a
/// blocking call runs `check` about every 0.05 s, without holding a lock; an exception from `check` ends the
/// call and reaches its caller. close() still releases everything.
///
/// Create and destroy it on the same thread. A nested one replaces the outer one while it lives.
class Interruptible {
 public:
  explicit Interruptible(std::function<void()> check);
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  ~Interruptible();

  /// Runs `check`, at most once every 25 ms.
  void run();

 private:
  std::function<void()> check_;
  Interruptible* outer_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace gracedb
