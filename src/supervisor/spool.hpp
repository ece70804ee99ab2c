#pragma once

#include "gracedb/kafka/message.hpp"

#include "supervisor/rejection.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// A message could not be set aside.
class SpoolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A directory for messages that cannot be processed, for an operator to look at: of each the value as it
/// came,
/// `<topic>-<partition>-<offset>.value`, and a description, `.json`, with topic, partition, offset, key,
/// headers, timestamp and the reason.
class Spool {
 public:
  /// Makes the directory where it is missing, readable by its owner alone.
  /// @throws SpoolError  it cannot be made or written to
  explicit Spool(std::filesystem::path directory);

  /// Returns when the message is on disk for good. One that is there already is left alone.
  /// @throws SpoolError  it is not; nothing half written is left under its name
  void set_aside(const kafka::Message& message, const Rejection& rejection) const;

  const std::filesystem::path& directory() const noexcept { return directory_; }

 private:
  std::filesystem::path directory_;
};

}  // namespace gracedb::supervisor
