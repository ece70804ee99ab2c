#pragma once

#include <atomic>
#include <chrono>

namespace gracedb::supervisor {

/// When the loop has last turned. Safe to share between threads.
class Pulse {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Pulse(Clock::time_point now) noexcept : last_(now) {}

  void turned(Clock::time_point now) noexcept { last_.store(now, std::memory_order_relaxed); }
  Clock::duration quiet_for(Clock::time_point now) const noexcept {
    return now - last_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<Clock::time_point> last_;
};

}  // namespace gracedb::supervisor
