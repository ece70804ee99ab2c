#pragma once

#include <chrono>
#include <functional>

namespace gracedb {

/// Lets the calls that wait on this thread be ended from outside, by a signal for instance. While it lives,
/// such a call runs `check` about every 0.05 s, outside of any lock; what `check` throws ends the call and
/// goes to its caller. Nothing is left half done: deliver() withdraws its message first, close() still
/// releases everything.
///
/// Made and destroyed on the thread it is for. An inner one stands in for the outer one while it lives.
class Interruptible {
 public:
  explicit Interruptible(std::function<void()> check);
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  ~Interruptible();

  /// Runs `check`, unless it was run a moment ago.
  void run();

 private:
  std::function<void()> check_;
  Interruptible* outer_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace gracedb
