#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace gracedb {

/// Another number at each call, and in each process.
std::uint32_t random_seed();

/// Waiting times between tries: exponential with full jitter, so that many clients do not come back at once.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds initial, Milliseconds longest, std::uint32_t seed = random_seed())
      : initial_(std::clamp(initial, Milliseconds(0), longest)),
        longest_(longest),
        ceiling_(initial_),
        random_(seed) {
    random_.discard(2);  // the first numbers of small seeds are small
  }

  /// A random time between 0 and a ceiling that doubles with each call, up to `longest`.
  Milliseconds next();

  /// Starts again at the initial ceiling; to be called after a success.
  void reset() { ceiling_ = initial_; }

 private:
  Milliseconds initial_;
  Milliseconds longest_;
  Milliseconds ceiling_;
  std::minstd_rand random_;  // small: each event under way has one
};

}  // namespace gracedb
