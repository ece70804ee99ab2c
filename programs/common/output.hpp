#pragma once

#include <atomic>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gracedb::programs {

/// Results could not be written.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The reader of the results has closed its end.
class BrokenPipe : public OutputError {
 public:
  using OutputError::OutputError;
};

/// Writes results to a file descriptor, each whole and at once.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  /// @throws BrokenPipe   the reader has gone
  /// @throws OutputError  any other failure, e.g. a full disk
  void write(std::string_view text);
  void line(std::string_view text);

  /// True while a write is under way; from any thread.
  bool busy() const noexcept { return busy_.load(); }

 private:
  int descriptor_;
  std::atomic<bool> busy_{false};
};

/// Colours for people: none unless the output is a terminal, NO_COLOR is unset and TERM is not "dumb".
class Style {
 public:
  explicit Style(bool colored) : colored_(colored) {}
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

}  // namespace gracedb::programs
