#pragma once

#include "gracedb/kafka/consumer.hpp"

#include "kafka/client.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace gracedb::kafka {

/// The partitions a consumer reads: takes them and gives them up as the group decides, with the caller's
/// callbacks, the start time, and which of them have been read to their end. Lives on the polling thread.
class Assignment {
 public:
  using Partition = std::pair<std::string, std::int32_t>;

  explicit Assignment(const ConsumerOptions& options) : options_(options) {}
  Assignment(const Assignment&) = delete;
  Assignment& operator=(const Assignment&) = delete;

  Client::Hooks hooks() noexcept;

  /// Takes or gives up `partitions`, as `code` says.
  void rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                 rd_kafka_topic_partition_list_t& partitions) noexcept;

  const std::set<Partition>& partitions() const noexcept { return partitions_; }
  bool is_empty() const noexcept { return partitions_.empty(); }
  bool at_end() const noexcept { return !partitions_.empty() && ended_.size() == partitions_.size(); }
  void reached_end(const std::string& topic, std::int32_t partition) { ended_.emplace(topic, partition); }
  void left_end(const std::string& topic, std::int32_t partition) { ended_.erase({topic, partition}); }

  /// True once the group has given this member a share, be it an empty one.
  bool has_had_share() const noexcept { return has_had_share_; }

  /// The group is being left: what is still given is not read.
  void begin_leaving() noexcept { is_leaving_ = true; }

  /// The first exception thrown by a callback since the last call is thrown again.
  void rethrow_callback_failure();

 private:
  void take(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  void give_up(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  void begin_at_start_time(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  void begin_where_committed(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions);
  bool look_up(rd_kafka_t* client, rd_kafka_topic_partition_list_t& positions);
  bool wants_to_end() noexcept;
  void tell(const PartitionCallback& callback, const rd_kafka_topic_partition_list_t& partitions) noexcept;

  const ConsumerOptions& options_;
  std::set<Partition> partitions_;
  std::set<Partition> ended_;
  std::set<Partition> positioned_;  ///< begun at the start time already; not again after a rebalance
  std::exception_ptr callback_failure_;
  bool has_had_share_ = false;
  bool is_leaving_ = false;
};

}  // namespace gracedb::kafka
