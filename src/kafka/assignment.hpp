#pragma once

#include "gracedb/kafka/consumer.hpp"

#include "kafka/client.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gracedb::kafka {

/// The partitions assigned to a consumer. Applies each rebalance to librdkafka, sets the start offsets, calls
/// the callbacks of the options, and tracks which partitions have been read to their ends. Belongs to the
/// polling thread.
class Assignment {
 public:
  using Partition = std::pair<std::string, std::int32_t>;

  /// @param options  must outlive this object
  explicit Assignment(const ConsumerOptions& options) : options_(options) {}
  Assignment(const Assignment&) = delete;
  Assignment& operator=(const Assignment&) = delete;

  /// For the client, which must not outlive this object.
  Client::Hooks hooks() noexcept;

  /// Handles a rebalance event.
  /// @param code  RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, or anything else to revoke `partitions`
  void rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                 rd_kafka_topic_partition_list_t& partitions) noexcept;

  const std::set<Partition>& partitions() const noexcept { return partitions_; }
  bool is_empty() const noexcept { return partitions_.empty(); }

  bool at_end() const noexcept { return !partitions_.empty() && ended_.size() == partitions_.size(); }
  void reached_end(const std::string& topic, std::int32_t partition) { ended_.emplace(topic, partition); }
  void left_end(const std::string& topic, std::int32_t partition) { ended_.erase({topic, partition}); }

  /// True after the first assignment, even an empty one.
  bool was_assigned() const noexcept { return was_assigned_; }

  /// From now on the offsets of assigned partitions do not matter: they are not read.
  void begin_leaving() noexcept { is_leaving_ = true; }

  /// Rethrows the first exception of a callback since the last call, if any.
  void rethrow_callback_error();

 private:
  void assign(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  void revoke(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  void set_start_time_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  bool is_interrupted() noexcept;
  void notify(const PartitionCallback& callback, const rd_kafka_topic_partition_list_t& partitions) noexcept;

  const ConsumerOptions& options_;
  std::set<Partition> partitions_;
  std::set<Partition> ended_;
  /// Partitions that started at options_.start_time. After another rebalance they continue at the committed
  /// offset.
  std::set<Partition> started_;
  std::exception_ptr callback_error_;
  bool was_assigned_ = false;
  bool is_leaving_ = false;
};

/// Requests an offset of each partition from the broker.
/// @param at  a timestamp in ms: the first message with it or a later one; or RD_KAFKA_OFFSET_BEGINNING or
/// _END
/// @return the offsets; none for a partition without a message that late
/// @throws KafkaConsumerError  the broker did not answer within `timeout`
std::vector<TopicPartition> request_offsets(rd_kafka_t* client, std::vector<TopicPartition> partitions,
                                            std::int64_t at, std::chrono::milliseconds timeout);

}  // namespace gracedb::kafka
