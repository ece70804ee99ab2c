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

/// What a producer sends: JSON (serialized here), text, or bytes as they are.
class Payload {
 public:
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

/// One partition of one topic, with an offset where one is meant.
struct TopicPartition {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t offset = -1001;  ///< RD_KAFKA_OFFSET_INVALID: none

  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

/// A consumed message. It owns its bytes and outlives the consumer.
struct Message {
  std::string topic{};  ///< with the instance name, e.g. "gracedb-test.gstlal"
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key{};
  std::string value{};                                               ///< the bytes as they came
  std::optional<std::chrono::system_clock::time_point> timestamp{};  ///< of the producer or the log, UTC
  Headers headers{};

  /// The value parsed.
  /// @throws std::invalid_argument  not JSON; says where it goes wrong
  nlohmann::json json() const;

  /// The value as JSON where it parses, else as text where it is UTF-8, else as bytes.
  std::variant<nlohmann::json, std::string, std::vector<std::byte>> decoded() const;
};

/// A topic as the broker describes it.
struct TopicInfo {
  std::string name{};  ///< with the instance name
  int partitions = 0;
  std::string error{};  ///< empty, or why the broker would not describe it
};

}  // namespace gracedb::kafka
