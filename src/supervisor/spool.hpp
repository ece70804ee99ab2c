#pragma once

#include "gracedb/kafka/message.hpp"

#include "supervisor/dead_letter_store.hpp"
#include "supervisor/rejection.hpp"

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// The spool directory, or a file in it, cannot be used.
class SpoolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A directory for messages that cannot be processed, for an operator to look at: of each the value as it
/// came,
/// `<topic>-<partition>-<offset>.value`, and a description, `.json`, with topic, partition, offset, key,
/// headers, timestamp and the reason.
class Spool final : public DeadLetterStore {
 public:
  /// Makes the directory where it is missing, readable by its owner alone.
  /// @throws SpoolError  it cannot be made or written to
  explicit Spool(std::filesystem::path directory);

  /// Returns when the message is on disk for good. One that is there already is left alone.
  /// @throws SpoolError  it is not; nothing half written is left under its name
  void set_aside(const kafka::Message& message, const Rejection& rejection) const;

  /// True if this very message has been set aside.
  bool holds(const kafka::Message& message) const;

  std::string_view kind() const noexcept override { return "spool"; }
  /// @throws SpoolError  something in it cannot be read
  void read(const std::function<void(const DeadLetter&)>& show) override;
  void remove(const DeadLetter& letter) override;

  const std::filesystem::path& directory() const noexcept { return directory_; }

 private:
  struct Seat {
    std::filesystem::path value;
    std::filesystem::path description;
    bool is_taken = false;
  };

  Seat seat_of(const kafka::Message& message) const;
  DeadLetter load(const std::string& id) const;

  std::filesystem::path directory_;
};

}  // namespace gracedb::supervisor
