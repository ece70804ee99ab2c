#pragma once

#include "gracedb/logging.hpp"

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <string_view>

/// What a program writes: results to standard output, log lines and errors to standard error.
namespace gracedb::programs {

/// Results could not be written.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The reader of the results closed the pipe.
class BrokenPipe : public OutputError {
 public:
  using OutputError::OutputError;
};

/// Writes results to a file descriptor, unbuffered. One thread at a time may write.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  /// Writes all of `text`, however slow the reader is.
  /// @throws BrokenPipe   the reader closed the pipe
  /// @throws OutputError  any other failure, e.g. a full disk
  void write(std::string_view text);
  void line(std::string_view text);

  /// True during a write. From any thread.
  bool busy() const noexcept { return busy_.load(); }

 private:
  int descriptor_;
  std::atomic<bool> busy_{false};
};

/// Writes one line to standard error and ignores failures.
void write_error(std::string_view text) noexcept;

/// Opens each closed standard descriptor so that the next file or socket does not get its number: standard
/// output would otherwise go to, say, a broker. Reads and writes still fail with EBADF. Call first in main().
void reserve_standard_descriptors() noexcept;

/// Colours for a terminal.
class Style {
 public:
  explicit Style(bool colored) : colored_(colored) {}
  /// Colours only if `descriptor` is a terminal, NO_COLOR is unset and TERM is not "dumb".
  static Style of(int descriptor);

  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string dim(std::string_view text) const { return paint("2", text); }
  std::string red(std::string_view text) const { return paint("31;1", text); }
  std::string green(std::string_view text) const { return paint("32", text); }
  std::string yellow(std::string_view text) const { return paint("33", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const;
  bool colored_;
};

enum class LogFormat { text, json };

/// "debug", "info", "warning", "error" or "off".
/// @throws UsageError  any other name
LogLevel parse_log_level(std::string_view name);

/// "text" or "json".
/// @throws UsageError  any other name
LogFormat parse_log_format(std::string_view name);

/// Sends the log to standard error: as text, or as one JSON object a line with time, level, logger and
/// message.
void set_up_log(LogLevel level, LogFormat format);

/// Writes one such JSON object, followed by the members of `fields`, if `level` is enabled.
void write_json_log(LogLevel level, std::string_view logger, std::string_view message,
                    const nlohmann::ordered_json& fields);

}  // namespace gracedb::programs
