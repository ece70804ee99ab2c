#include "kafka/conversions.hpp"

namespace gracedb::kafka {

HeadersHandle to_librdkafka(const Headers& headers) {
  if (headers.empty()) return nullptr;
  HeadersHandle copy(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, value] : headers) {
    rd_kafka_header_add(copy.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return copy;
}

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

std::string key_of(const rd_kafka_message_t& message) {
  return message.key == nullptr ? std::string()
                                : std::string(static_cast<const char*>(message.key), message.key_len);
}

std::optional<std::chrono::system_clock::time_point> timestamp_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &kind);
  if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) return std::nullopt;
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(timestamp));
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

}  // namespace gracedb::kafka
