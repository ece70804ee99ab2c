#pragma once

#include "gracedb/logging.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::test_support {

/// Collects log lines of `level` and above while it lives.
class CapturedLog {
 public:
  struct Line {
    LogLevel level;
    std::string logger;
    std::string message;
  };

  explicit CapturedLog(LogLevel level = LogLevel::debug) {
    set_log_level(level);
    set_log_sink([this](LogLevel line_level, std::string_view logger, std::string_view message) {
      const std::lock_guard lock(mutex_);
      lines_.push_back({line_level, std::string(logger), std::string(message)});
      written_.notify_all();
    });
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  ~CapturedLog() {
    set_log_sink({});
    set_log_level(LogLevel::warning);
  }

  std::vector<Line> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  /// Waits for a line that contains `text`; false if there is none within `timeout`.
  bool wait_for(std::string_view text, std::chrono::seconds timeout = std::chrono::seconds(60)) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, timeout, [&] {
      return std::any_of(lines_.begin(), lines_.end(),
                         [&](const Line& line) { return line.message.find(text) != std::string::npos; });
    });
  }

  std::vector<std::string> messages(LogLevel level) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const Line& line : lines_) {
      if (line.level == level) found.push_back(line.message);
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable written_;
  std::vector<Line> lines_;
};

}  // namespace gracedb::test_support
