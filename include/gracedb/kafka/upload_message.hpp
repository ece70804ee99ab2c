#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The messages on the wire, byte-compatible with what ligo-gracedb writes and reads.
namespace gracedb::kafka {

/// The content id of an event file: the first 16 bytes of SHA-256(contents) written as a UUID, version bits
/// untouched. The same contents always have the same id.
std::string content_id(std::string_view contents);

/// An upload message without the file's contents.
struct UploadMessage {
  /// Service URL of the client, ending in '/'.
  std::string gracedb_server{};
  /// The reserved id; none if gracedb_upload is false.
  std::optional<std::string> graceid{};
  /// As the reservation returned it.
  std::optional<std::string> submitter{};
  /// As the caller wrote it; the topic has it in lower case.
  std::string pipeline{};
  std::optional<std::string> group{};
  std::optional<std::string> search{};
  /// The supervisor completes the event in GraceDB.
  bool gracedb_upload = true;
  /// The supervisor ignores the message.
  bool skip_supervisor = false;
  std::optional<std::vector<std::string>> labels{};
  /// Base name.
  std::string file_name{};
  std::optional<std::string> content_id{};
  /// Unix time in seconds, for telemetry.
  std::optional<double> producer_timestamp{};
};

/// Serializes an upload message: compact JSON with `contents` in standard base64.
std::string build_upload_message(const UploadMessage& message, std::string_view contents);

/// Size in bytes of the message that build_upload_message() returns for `contents_size` bytes of contents.
std::size_t upload_message_size(const UploadMessage& message, std::size_t contents_size);

/// A parsed upload message with its decoded file.
struct ReceivedUpload {
  UploadMessage message{};
  std::string contents{};
};

/// The kind of a message on a topic, by its `type`.
enum class MessageKind { upload, ping, other };

/// @return other if the value is not a JSON object with a known type
MessageKind kind_of(std::string_view value);

/// Parses an upload message and checks it against the schema. Unknown fields are allowed; of a repeated name the last
/// counts. The contents must match `content_id`, if set. The file name is reduced to its base name.
/// @throws std::invalid_argument  names the field and its fault
ReceivedUpload parse_upload_message(std::string_view value);

/// A ping message: a connectivity test that services ignore.
struct PingMessage {
  /// Unix time in seconds.
  double timestamp = 0;
  std::string client = "gracedb-kafka";
  /// Claims of the token.
  std::optional<std::string> sub{};
  std::optional<std::string> scope{};
};

std::string build_ping_message(const PingMessage& message);

/// @throws std::invalid_argument  names the field and its fault
PingMessage parse_ping_message(std::string_view value);

}  // namespace gracedb::kafka
