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
  std::string gracedb_server{};            ///< service URL of the client, ending in '/'
  std::optional<std::string> graceid{};    ///< the reserved id; none where gracedb_upload is false
  std::optional<std::string> submitter{};  ///< as the reservation returned it
  std::string pipeline{};                  ///< as given, not in lower case
  std::optional<std::string> group{};
  std::optional<std::string> search{};
  bool gracedb_upload = true;
  bool skip_supervisor = false;
  std::optional<std::vector<std::string>> labels{};
  std::string file_name{};  ///< base name
  std::optional<std::string> content_id{};
  std::optional<double> producer_timestamp{};  ///< Unix time in seconds
};

/// Serializes an upload message: compact JSON with `contents` in standard base64.
std::string build_upload_message(const UploadMessage& message, std::string_view contents);

/// How many bytes build_upload_message() would give for `contents_size` bytes of contents.
std::size_t upload_message_size(const UploadMessage& message, std::size_t contents_size);

/// An upload message as read from the wire, its file decoded.
struct ReceivedUpload {
  UploadMessage message{};
  std::string contents{};
};

/// What a message on a topic is, judged by its `type`.
enum class MessageKind { upload, ping, other };

/// @return other where the value is not a JSON object with a known type
MessageKind kind_of(std::string_view value);

/// Reads and checks an upload message against the schema. Unknown fields are allowed. If `content_id` is
/// there, the contents must match it. The file name is reduced to its base name.
/// @throws std::invalid_argument  says which field is wrong and how
ReceivedUpload parse_upload_message(std::string_view value);

/// A ping message: connectivity test, ignored by every consumer but a person.
struct PingMessage {
  double timestamp = 0;  ///< Unix time in seconds
  std::string client = "gracedb-kafka";
  std::optional<std::string> sub{};    ///< claim of the token
  std::optional<std::string> scope{};  ///< claim of the token
};

std::string build_ping_message(const PingMessage& message);

/// @throws std::invalid_argument  says which field is wrong and how
PingMessage parse_ping_message(std::string_view value);

}  // namespace gracedb::kafka
