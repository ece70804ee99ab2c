#pragma once

#include "gracedb/kafka/message.hpp"

#include "kafka/handles.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// Between librdkafka's types and ours.
namespace gracedb::kafka {

/// Null where there are none.
HeadersHandle to_librdkafka(const Headers& headers);
Headers headers_of(const rd_kafka_message_t& message);
std::string key_of(const rd_kafka_message_t& message);
std::optional<std::chrono::system_clock::time_point> timestamp_of(const rd_kafka_message_t& message);
/// A copy that outlives librdkafka's.
Message message_of(const rd_kafka_message_t& raw);

PartitionsHandle to_librdkafka(const std::vector<TopicPartition>& partitions);
std::vector<TopicPartition> from_librdkafka(const rd_kafka_topic_partition_list_t& partitions);

}  // namespace gracedb::kafka
