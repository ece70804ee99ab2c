#pragma once

#include "gracedb/kafka/message.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::cli {

/// A name that is safe as one component of a path, whatever a message says: letters, digits and . _ - + , =
/// stay, everything else becomes '_'; never empty, hidden, "." or "..", and at most 200 bytes.
std::string safe_component(std::string_view name);

/// Saves the event files of upload messages under one folder, as <graceid>/<file name>; where no graceid was
/// reserved, as <topic>-<partition>-<offset>/<file name>. A file appears whole or not at all. Another file of
/// the same name is never overwritten: it goes to <graceid>-<partition>-<offset>/.
class EventFiles {
 public:
  explicit EventFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// @return where the file is; none for a message without one
  /// @throws std::runtime_error     the file cannot be written
  /// @throws std::invalid_argument  an upload message that is not well-formed
  std::optional<std::filesystem::path> save(const kafka::Message& message) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace gracedb::cli
