#pragma once

#include <chrono>
#include <optional>

namespace gracedb::supervisor {

/// Tells an outage of GraceDB from single failures: nothing but failures for some time.
class Outage {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;

  explicit Outage(Milliseconds patience) : patience_(patience) {}

  /// Notes a failure; true if it is now time to speak of an outage, once for each.
  bool failed(TimePoint now) {
    if (!since_) since_ = now;
    if (told_ || now - *since_ < patience_) return false;
    told_ = true;
    return true;
  }

  /// True from failed() having said so until the next answer that counts.
  bool is_told() const noexcept { return told_; }

  /// Notes an answer that counts; how long the outage was that has just ended, if there was one.
  std::optional<Milliseconds> answered(TimePoint now) {
    std::optional<Milliseconds> lasted;
    if (told_) lasted = std::chrono::duration_cast<Milliseconds>(now - *since_);
    since_.reset();
    told_ = false;
    return lasted;
  }

 private:
  Milliseconds patience_;
  std::optional<TimePoint> since_;
  bool told_ = false;
};

}  // namespace gracedb::supervisor
