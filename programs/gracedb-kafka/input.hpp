#pragma once

#include "core/file.hpp"

#include <functional>
#include <string>
#include <string_view>

/// Input of the upload and produce commands: a file, or standard input for "-".
namespace gracedb::cli {

/// The whole input.
/// @throws UsageError  it cannot be read
std::string read_input(std::string_view path);

/// Reads the input line by line.
class LineReader {
 public:
  /// Called every 100 ms while the reader waits for input; false ends the reading.
  using WhileWaiting = std::function<bool()>;

  /// @throws UsageError  the input cannot be opened
  LineReader(std::string_view path, WhileWaiting while_waiting);

  /// Reads the next line, without its newline.
  /// @return false at the end, or if WhileWaiting returned false
  /// @throws UsageError  the input cannot be read
  bool next(std::string& line);

 private:
  bool wait() const;
  bool read_more();

  std::string name_;
  UniqueFd file_;
  int descriptor_;
  WhileWaiting while_waiting_;
  std::string buffer_;
  std::size_t position_ = 0;
  bool at_end_ = false;
};

}  // namespace gracedb::cli
