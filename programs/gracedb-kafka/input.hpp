#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gracedb::cli {

/// The whole of a file, or of standard input for "-".
/// @throws UsageError  it cannot be read
std::string read_input(std::string_view path);

/// Reads a file or standard input ("-") line by line.
class LineReader {
 public:
  /// Called every 100 ms while there is nothing to read; false ends the reading.
  using WhileWaiting = std::function<bool()>;

  /// @throws UsageError  it cannot be opened
  LineReader(std::string_view path, WhileWaiting while_waiting);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line without its newline; false at the end, or when told to end.
  /// @throws UsageError  it cannot be read
  bool next(std::string& line);

 private:
  bool wait();

  std::string name_;
  int descriptor_;
  WhileWaiting while_waiting_;
  std::string buffer_;
  std::size_t position_ = 0;
  bool at_end_ = false;
};

}  // namespace gracedb::cli
