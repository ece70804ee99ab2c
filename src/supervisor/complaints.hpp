#pragma once

#include <chrono>
#include <map>
#include <string>

namespace gracedb::supervisor {

/// Keeps a fault that lasts from filling the log: the same text is told once, and again after a while.
class Complaints {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;

  explicit Complaints(Milliseconds silence) : silence_(silence) {}

  /// True if this is to be told now.
  bool is_due(const std::string& text, TimePoint now) {
    std::erase_if(told_, [&](const auto& each) { return now - each.second >= silence_; });
    return told_.try_emplace(text, now).second;
  }

 private:
  Milliseconds silence_;
  std::map<std::string, TimePoint> told_;
};

}  // namespace gracedb::supervisor
