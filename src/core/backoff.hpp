#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace gracedb {

/// A random number that differs between calls and between processes.
std::uint32_t random_seed();

/// Waits between retries: exponential backoff with full jitter, so that clients do not retry at the same
/// time.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds initial, Milliseconds longest, std::uint32_t seed = random_seed())
      : initial_(std::clamp(initial, Milliseconds(0), longest)),
        longest_(longest),
        ceiling_(initial_),
        random_(seed) {
    random_.discard(2);  // the first numbers of a small seed are small
  }

  /// A random time between 0 and a ceiling that doubles with each call, up to `longest`.
  Milliseconds next();

  /// Returns to the initial ceiling. Call it after a success.
  void reset() { ceiling_ = initial_; }

 private:
  Milliseconds initial_;
  Milliseconds longest_;
  Milliseconds ceiling_;
  std::minstd_rand random_;  // small, because each event in flight has a Backoff
};

}  // namespace gracedb
