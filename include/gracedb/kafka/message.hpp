#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gracedb::kafka {

/// Header names may repeat; order is kept; a value is any bytes.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// The value that a producer sends: JSON (serialized here), text, or raw bytes.
class Payload {
 public:
  /// @throws std::invalid_argument  a string in `value` is not UTF-8
  Payload(const nlohmann::json& value);                   // NOLINT(google-explicit-constructor)
  Payload(std::string text) : bytes_(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  Payload(std::string_view text) : bytes_(text) {}        // NOLINT(google-explicit-constructor)
  Payload(const char* text) : bytes_(text) {}             // NOLINT(google-explicit-constructor)
  Payload(std::span<const std::byte> bytes);              // NOLINT(google-explicit-constructor)

  const std::string& bytes() const& noexcept { return bytes_; }
  std::string&& bytes() && noexcept { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// One partition of one topic.
struct TopicPartition {
  /// With the instance name, e.g. "gracedb-test.gstlal".
  std::string topic{};

  std::int32_t partition = 0;

  /// The next message to read, where the call that takes or returns this has one.
  std::optional<std::int64_t> offset{};

  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

/// A consumed message. It owns its bytes and outlives the consumer.
struct Message {
  /// With the instance name, e.g. "gracedb-test.gstlal".
  std::string topic{};

  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key{};

  /// The bytes of the message, unchanged.
  std::string value{};

  /// Set by the producer or by the broker, depending on the topic; UTC.
  std::optional<std::chrono::system_clock::time_point> timestamp{};

  Headers headers{};

  /// Parses the value.
  /// @throws std::invalid_argument  not JSON; the message names the position of the error
  nlohmann::json json() const;

  /// The value as JSON if it parses, else as text if it is UTF-8, else as bytes.
  std::variant<nlohmann::json, std::string, std::vector<std::byte>> decoded() const;
};

/// A topic as the broker describes it.
struct TopicInfo {
  /// With the instance name.
  std::string name{};

  int partitions = 0;

  /// Why the broker did not describe the topic; empty on success.
  std::string error{};
};

}  // namespace gracedb::kafka
