#pragma once

#include "gracedb/kafka/consumer.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gracedb::kafka {

/// The next message that the group of `options` is to read of this partition, once every transaction that
/// says so is decided; none where it has committed nothing. Without joining the group.
/// @throws KafkaConsumerError  retriable: not told within `timeout`
/// @throws std::invalid_argument, KafkaTokenError  as Consumer
std::optional<std::int64_t> group_position(const ConsumerOptions& options, const TopicPartition& partition,
                                           std::chrono::milliseconds timeout);

}  // namespace gracedb::kafka
