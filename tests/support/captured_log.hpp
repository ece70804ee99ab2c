#pragma once

#include "gracedb/core/logging.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace gracedb::test_support {

/// Collects the log lines written while it lives, from `level` on.
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
  std::vector<Line> lines_;
};

}  // namespace gracedb::test_support
