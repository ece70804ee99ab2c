#pragma once

#include "gracedb/kafka/consumer.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace gracedb::kafka {

/// Receives the result of commit_async(): the offsets, and an error message (empty on success). Called on the
/// thread that is in poll(). Must not throw.
using CommitCallback = std::function<void(const std::vector<TopicPartition>&, const std::string& error)>;

/// A Consumer with the operations that the supervisor needs and the installed interface leaves out. The same
/// threading rules apply.
class GroupConsumer : public Consumer {
 public:
  /// @throws as Consumer
  GroupConsumer(ConsumerOptions options, CommitCallback on_committed);

  /// Starts a commit of these offsets; each is the next message to read. The result goes to `on_committed`.
  /// @throws KafkaConsumerError  retriable during a rebalance; with librdkafka < 2.10 also for 200 ms after
  ///   each heartbeat, when one may be about to start
  void commit_async(const std::vector<TopicPartition>& next_offsets);

  /// The group's committed offsets of the assigned partitions; no offset where nothing is committed.
  /// @throws KafkaConsumerError  the broker did not answer within `timeout`
  std::vector<TopicPartition> committed(std::chrono::milliseconds timeout);

  /// The offsets of the oldest messages of the assigned partitions, requested from the broker.
  /// @throws KafkaConsumerError  the broker did not answer within `timeout`
  std::vector<TopicPartition> beginning_offsets(std::chrono::milliseconds timeout);

  /// The offsets that the next messages of the assigned partitions will have, requested from the broker.
  /// @throws KafkaConsumerError  the broker did not answer within `timeout`
  std::vector<TopicPartition> end_offsets(std::chrono::milliseconds timeout);

  /// The end offsets that came with the last fetched messages; no request. Outdated while the partitions are
  /// paused; partitions without a known end are omitted.
  std::vector<TopicPartition> cached_end_offsets() const;

  /// Stops fetching from these partitions; poll() still keeps the membership of the group alive. Messages
  /// fetched ahead are discarded and fetched again later. A revoked partition is no longer paused when it is
  /// assigned again.
  void pause(const std::vector<TopicPartition>& partitions);
  /// Ends pause().
  void resume(const std::vector<TopicPartition>& partitions);
};

}  // namespace gracedb::kafka
