#pragma once

#include "gracedb/kafka/message.hpp"

#include "common/output.hpp"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The parts of the consume command that tests call: the formats of a message, and its event file.
namespace gracedb::cli {

/// The pipelines of the topics given on the command line, each once. A topic is a pipeline, "gstlal", or a
/// full name, "gracedb-test.gstlal".
std::vector<std::string> pipelines_of(const std::vector<std::string>& topics, std::string_view instance_name);

/// One line of JSON with the keys of kcat: topic, partition, offset, ts (milliseconds), headers (names and
/// values alternate), key, payload. Values that are not UTF-8 are base64, marked by payload_encoding,
/// key_encoding or headers_encoding.
/// @param parsed  a JSON payload as JSON instead of text
std::string message_json(const kafka::Message& message, bool parsed);

struct TextFormat {
  /// Do not abbreviate long values.
  bool full = false;
  /// Neither headers nor value.
  bool headline_only = false;
};

/// A headline (topic[partition] @ offset, time, key, kind), the headers, and the value: JSON with indentation
/// and in its original order, else text, else its size. Safe for a terminal.
std::string message_text(const kafka::Message& message, const programs::Style& style,
                         const TextFormat& format);

/// The same JSON with each string of more than 200 bytes cut, and an event file replaced by its size.
nlohmann::ordered_json abbreviate(nlohmann::ordered_json value);

/// Converts any text to a safe path component: keeps letters, digits and . _ - + , = and replaces the rest by
/// '_'. Never empty, hidden, "." or "..", and at most 200 bytes.
std::string safe_component(std::string_view name);

/// Saves the event files of upload messages as <directory>/<graceid>/<file name>; without a graceid as
/// <directory>/<topic>-<partition>-<offset>/<file name>. Never overwrites another file of that name, but
/// writes to <graceid>-<partition>-<offset>/. A file appears complete or not at all.
class EventFiles {
 public:
  explicit EventFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// @return the path of the file; nullopt if the message is not an upload
  /// @throws std::runtime_error     the file cannot be written
  /// @throws std::invalid_argument  the upload message is malformed
  std::optional<std::filesystem::path> save(const kafka::Message& message) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace gracedb::cli
