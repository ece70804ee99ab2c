#pragma once

#include "gracedb/logging.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

/// What the layers write their log lines with. Every line is redacted before it leaves.
namespace gracedb::log {

bool enabled(LogLevel level) noexcept;
void write(LogLevel level, std::string_view logger, std::string_view message) noexcept;

template <typename... Args>
void write(LogLevel level, std::string_view logger, fmt::format_string<Args...> format,
           Args&&... args) noexcept {
  if (!enabled(level)) return;
  try {
    write(level, logger, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
  } catch (...) {
    write(level, logger, std::string_view("a log line could not be formatted"));
  }
}

/// One logger's name with a function a level: `inline constexpr log::Logger logger{"gracedb.kafka"};`
struct Logger {
  std::string_view name;

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const noexcept {
    write(LogLevel::debug, name, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const noexcept {
    write(LogLevel::info, name, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) const noexcept {
    write(LogLevel::warning, name, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const noexcept {
    write(LogLevel::error, name, format, std::forward<Args>(args)...);
  }
};

}  // namespace gracedb::log
