#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gracedb::rest {

/// A file to submit: its base name and its contents, read once or lent by the caller.
class EventFile {
 public:
  /// Reads `filename`, or takes `contents` under the base name of `filename`.
  /// @throws std::invalid_argument  no name, an unusable one, an unreadable or empty file
  EventFile(std::string_view filename, const std::optional<std::string_view>& contents);

  const std::string& name() const noexcept { return name_; }
  std::string_view contents() const noexcept { return lent_.value_or(read_); }

 private:
  std::string name_;
  std::string read_;
  std::optional<std::string_view> lent_;
};

}  // namespace gracedb::rest
