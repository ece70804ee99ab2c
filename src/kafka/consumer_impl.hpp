#pragma once

#include "gracedb/kafka/consumer.hpp"

#include "kafka/assignment.hpp"
#include "kafka/client.hpp"
#include "kafka/group_leave.hpp"
#include "kafka/group_requests.hpp"
#include "kafka/handles.hpp"
#include "kafka/refill.hpp"
#include "kafka/wake.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::kafka {

/// A consumer behind its handle. Its life (joining, leaving) is in consumer_impl.cpp, the way of a message in
/// consumer_reading.cpp, what is said about offsets in consumer_positions.cpp.
class Consumer::Impl {
 public:
  explicit Impl(ConsumerOptions options);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  void subscribe(const std::vector<std::string>& topics);
  std::optional<Message> poll(std::chrono::milliseconds timeout, bool watch_signals);
  std::vector<Message> poll_batch(std::size_t most, std::chrono::milliseconds timeout);
  void stop() noexcept;
  /// True if the last poll() ended because it was told to.
  bool was_interrupted() const noexcept { return interrupted_; }
  /// The message being processed has not been: it is to be shown again.
  void forget_current() noexcept { being_processed_.clear(); }
  void commit();
  void commit(const std::vector<TopicPartition>& next_offsets);
  void commit_async(const std::vector<TopicPartition>& next_offsets);
  std::vector<TopicPartition> assignment() const;
  std::vector<TopicPartition> committed(std::chrono::milliseconds timeout);
  std::vector<TopicPartition> find_edges(Edge edge, std::chrono::milliseconds timeout);
  std::vector<TopicPartition> known_ends() const;
  bool at_end() const noexcept { return assignment_.at_end(); }
  void pause(const std::vector<TopicPartition>& partitions);
  void resume(const std::vector<TopicPartition>& partitions);
  void seek(const TopicPartition& position);
  void close(std::chrono::milliseconds timeout);
  /// With this strategy librdkafka before 2.3 ends the process when a member is destroyed that has never had
  /// a share (its issue 4312). Such a one has left its group, and stays in memory.
  bool must_stay() const noexcept {
    return rd_kafka_version() < 0x020300ff && is_cooperative_ && group_requests_.has_joined() &&
           !assignment_.has_had_share();
  }
  void finish_leaving() noexcept;
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout);

  const std::string& group_id() const noexcept { return group_id_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  bool is_unwinding() const noexcept { return std::uncaught_exceptions() > exceptions_at_birth_; }

 private:
  std::vector<std::string> namespaced(const std::vector<std::string>& pipelines, Faults& faults) const;
  void read(const std::vector<std::string>& topics);
  static void on_committed(rd_kafka_t* client, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* offsets, void* consumer) noexcept;
  rd_kafka_resp_err_t commit_and_wait(const std::vector<TopicPartition>& next_offsets);
  bool take_stop() noexcept;
  void require_open() const;
  void mark_processed();
  MessageHandle next(std::chrono::milliseconds timeout, bool watch_signals);
  bool is_message(const rd_kafka_message_t& raw);
  void handle_error(const rd_kafka_message_t& raw);
  void wait(std::chrono::milliseconds timeout, bool watch_signals) const;
  void leave_after_deadline();
  rd_kafka_t* handle() const noexcept { return client_->handle(); }

  ConsumerOptions options_;
  std::string group_id_;
  std::string instance_name_;
  bool auto_commit_ = true;
  bool stores_offsets_ = true;  ///< we, not librdkafka, say what is processed
  bool is_cooperative_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool interrupted_ = false;
  int exceptions_at_birth_ = std::uncaught_exceptions();
  Wake arrived_;
  Wake stopped_;
  GroupRequests group_requests_;
  /// Set after stopped_, so that poll() need not ask the kernel each time.
  std::atomic<bool> stop_requested_{false};
  Assignment assignment_;
  Health health_;
  std::optional<Client> client_;  // reports to the members above until it is destroyed
  QueueHandle queue_;
  std::optional<Refill> refill_;
  std::optional<GroupLeave> leave_;
  std::vector<MessageHandle> being_processed_;
  /// Those before, kept until others have come: the memory of what is fetched next then lies beside theirs,
  /// and takes its place later. Let go earlier, it would go back to the system, to be asked for anew each
  /// time.
  std::vector<MessageHandle> processed_;
  std::deque<MessageHandle> fetched_;  ///< of a batch that could not be finished
};

}  // namespace gracedb::kafka
