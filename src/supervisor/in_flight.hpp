#pragma once

#include "gracedb/kafka/message.hpp"

#include "supervisor/event_record.hpp"
#include "supervisor/rejection.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace gracedb::supervisor {

/// One partition of one topic.
struct Partition {
  std::string topic;
  std::int32_t number = 0;

  static Partition of(const kafka::Message& message) { return {message.topic, message.partition}; }
  friend bool operator==(const Partition&, const Partition&) = default;
  friend bool operator<(const Partition& a, const Partition& b) {
    return std::tie(a.topic, a.number) < std::tie(b.topic, b.number);
  }
};

/// Unique in a process: a message that is read again after a rebalance gets another id.
using MessageId = std::uint64_t;

/// A settled message has no record any more.
enum class MessageState {
  /// Polled; waits until the limits admit it.
  received,
  /// The uploader works on it.
  uploading,
  /// Rejected; waits until every message before it on its partition is settled or rejected.
  rejected,
  /// The dead-letter writer works on it.
  writing_dead_letter,
};

/// Everything the supervisor knows about one message that is not settled.
struct InFlightMessage {
  MessageId id = 0;
  MessageState state = MessageState::received;
  std::shared_ptr<const kafka::Message> message;
  std::chrono::steady_clock::time_point started = {};
  std::string graceid = {};
  /// The producer's timestamp.
  std::optional<std::chrono::system_clock::time_point> produced = {};
  /// Set in the states rejected and writing_dead_letter.
  std::optional<Rejection> rejection = {};
  /// Reported when the dead letter is written.
  EventRecord record = {};
};

/// The unsettled messages of the partitions that this process owns. Limits how many are processed at a time,
/// and computes the offset that each partition may commit: the one of its first unsettled message. Not
/// thread-safe.
class InFlight {
 public:
  /// @param max_bytes  of messages and their decoded files; a larger message is processed alone
  InFlight(std::size_t max_messages, std::size_t max_bytes)
      : max_messages_(max_messages), max_bytes_(max_bytes) {}

  /// The memory that a message takes while it is processed: the message and its decoded file.
  static std::size_t bytes_of(const kafka::Message& message);

  // Partitions.
  void assign(const Partition& partition) { partitions_.try_emplace(partition); }
  /// Forgets the partition and its messages; returns their ids.
  std::vector<MessageId> revoke(const Partition& partition);
  std::size_t partitions() const noexcept { return partitions_.size(); }
  /// The next offset to read after a restart, for each partition; -1 before the first message.
  std::map<Partition, std::int64_t> positions() const;

  // Messages. Offsets of a partition arrive in ascending order, with gaps.
  /// @return none: the partition is not assigned to this process, so another one reads the message
  std::optional<MessageId> receive(kafka::Message message);
  /// The oldest message in state received, if the limits admit it.
  InFlightMessage* next();
  /// True if a small message that arrives now could be processed at once.
  bool has_room() const noexcept;
  /// received → uploading. None of these does anything if the message's partition was revoked.
  void start_upload(MessageId id);
  /// received or uploading → rejected.
  void reject(MessageId id, Rejection rejection, EventRecord record);
  /// rejected → writing_dead_letter, for every message whose turn it is; in the order of their offsets.
  std::vector<const InFlightMessage*> start_dead_letters();
  /// Any state → settled. @return the record; none if the partition was revoked
  std::optional<InFlightMessage> settle(MessageId id);
  /// Null if the message is settled or its partition was revoked.
  const InFlightMessage* find(MessageId id) const;

  // Of messages in any state but received.
  std::size_t messages() const noexcept { return admitted_; }
  std::size_t bytes() const noexcept { return admitted_bytes_; }
  bool is_processing(const Partition& partition) const;

  // Commits.
  /// Offsets that moved since the last requested commit.
  std::vector<kafka::TopicPartition> due() const;
  /// For the last commit of a partition: its offset, unless the broker has acknowledged it.
  std::vector<kafka::TopicPartition> due(const Partition& partition) const;
  /// A commit of these offsets was sent.
  void commit_requested(const std::vector<kafka::TopicPartition>& offsets);
  void commit_succeeded(const std::vector<kafka::TopicPartition>& offsets);
  /// The offsets are due again.
  void commit_failed(const std::vector<kafka::TopicPartition>& offsets);
  bool has_uncommitted() const;

 private:
  struct PartitionState {
    std::map<std::int64_t, MessageId> unsettled;
    std::int64_t next_offset = -1;
    std::int64_t requested = -1;
    std::int64_t committed = -1;

    std::int64_t position() const { return unsettled.empty() ? next_offset : unsettled.begin()->first; }
  };

  InFlightMessage* record_of(MessageId id);
  PartitionState* find(const kafka::TopicPartition& partition);
  static void add_if_due(const Partition& partition, const PartitionState& state,
                         std::vector<kafka::TopicPartition>& offsets);
  void admit(InFlightMessage& message, MessageState state);
  void forget(const InFlightMessage& message);

  std::size_t max_messages_;
  std::size_t max_bytes_;
  std::map<Partition, PartitionState> partitions_;
  std::unordered_map<MessageId, InFlightMessage> messages_;
  std::map<MessageId, InFlightMessage*> received_;
  std::size_t admitted_ = 0;
  std::size_t admitted_bytes_ = 0;
  MessageId next_id_ = 1;
};

}  // namespace gracedb::supervisor
