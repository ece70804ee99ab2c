#pragma once

#include "gracedb/logging.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

/// Writes log lines. Tokens are redacted from every line.
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
    write(level, logger, std::string_view("cannot format a log line"));
  }
}

/// A named logger: `constexpr log::Logger logger{"gracedb.kafka"};`
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
