#include "kafka/librdkafka.hpp"

#include "core/redact.hpp"

#include <fmt/format.h>

namespace gracedb::kafka {
namespace {

Headers headers_of(const rd_kafka_message_t& message) {
  Headers copy;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return copy;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    copy.emplace_back(name, std::string(static_cast<const char*>(value), value == nullptr ? 0 : size));
  }
  return copy;
}

std::optional<std::chrono::system_clock::time_point> timestamp_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &kind);
  if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) return std::nullopt;
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(timestamp));
}

}  // namespace

HeadersHandle to_librdkafka(const Headers& headers) {
  if (headers.empty()) return nullptr;
  HeadersHandle copy(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, value] : headers) {
    rd_kafka_header_add(copy.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return copy;
}

std::string key_of(const rd_kafka_message_t& message) {
  return message.key == nullptr ? std::string()
                                : std::string(static_cast<const char*>(message.key), message.key_len);
}

Message message_of(const rd_kafka_message_t& raw) {
  Message message;
  message.topic = rd_kafka_topic_name(raw.rkt);
  message.partition = raw.partition;
  message.offset = raw.offset;
  if (raw.key != nullptr) message.key = key_of(raw);
  if (raw.len > 0) message.value.assign(static_cast<const char*>(raw.payload), raw.len);
  message.timestamp = timestamp_of(raw);
  message.headers = headers_of(raw);
  return message;
}

PartitionsHandle to_librdkafka(const std::vector<TopicPartition>& partitions) {
  PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& partition : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset =
        partition.offset.value_or(RD_KAFKA_OFFSET_INVALID);
  }
  return list;
}

std::vector<TopicPartition> from_librdkafka(const rd_kafka_topic_partition_list_t& partitions) {
  std::vector<TopicPartition> list;
  list.reserve(static_cast<std::size_t>(partitions.cnt));
  for (int i = 0; i < partitions.cnt; ++i) {
    const rd_kafka_topic_partition_t& partition = partitions.elems[i];
    list.push_back({partition.topic, partition.partition,
                    partition.offset < 0 ? std::nullopt : std::optional(partition.offset)});
  }
  return list;
}

KafkaErrorCode error_code(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return KafkaErrorCode::authentication_failed;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return KafkaErrorCode::topic_not_found;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return KafkaErrorCode::topic_forbidden;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return KafkaErrorCode::partition_not_found;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return KafkaErrorCode::group_forbidden;
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
      return KafkaErrorCode::rebalance_in_progress;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return KafkaErrorCode::message_too_large;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return KafkaErrorCode::queue_full;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return KafkaErrorCode::timed_out;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return KafkaErrorCode::host_not_found;
    case RD_KAFKA_RESP_ERR__SSL:
      return KafkaErrorCode::tls_failed;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return KafkaErrorCode::broker_unreachable;
    default:
      return KafkaErrorCode::other;
  }
}

bool is_authentication_error(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

bool is_topic_error(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return true;
    default:
      return false;
  }
}

bool is_connection_error(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return true;
    default:
      return false;
  }
}

std::string_view hint_for(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return fresh_token_hint;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "Check the host names in bootstrap_servers";
    case RD_KAFKA_RESP_ERR__SSL:
      return "Check ca_cert_path, and for a development broker skip_hostname_verification";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return "Check bootstrap_servers, the network, and that use_ssl is what the broker expects there";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return "Check the instance name and the pipeline; gracedb-kafka topics lists what is there";
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "The topic has fewer partitions";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "Your token's subject may not use this topic; ask for the permission of its pipeline";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "Your token's subject may not use this group id; choose another or ask for the permission";
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return "The broker did not confirm in time; check that it is up";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "The message is larger than the topic takes; submit so large a file over HTTP";
    default:
      return {};
  }
}

std::string error_text(std::string_view what, rd_kafka_resp_err_t code, std::string_view detail) {
  std::string text = fmt::format("{}: {}", what, rd_kafka_err2str(code));
  if (!detail.empty()) text += fmt::format(" ({})", detail);
  if (const auto hint = hint_for(code); !hint.empty()) text += fmt::format(". {}", hint);
  return redact(text);
}

}  // namespace gracedb::kafka
