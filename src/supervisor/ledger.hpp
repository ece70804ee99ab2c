#pragma once

#include "gracedb/kafka/message.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
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

/// Which messages of one partition are settled, and so up to where its offset may be committed.
class PartitionLedger {
 public:
  /// A message that has been polled. Offsets come in order, with gaps.
  void take(std::int64_t offset);
  /// Nothing is left to do for this message. In any order; an offset that is not open changes nothing.
  void settle(std::int64_t offset);
  /// All that is left to do for this message is to set it aside.
  void reject(std::int64_t offset);
  /// True if nothing before this message is left but to set messages aside.
  bool has_turn(std::int64_t offset) const noexcept { return open_.empty() || *open_.begin() > offset; }

  /// The next offset to read after a restart: all before it are settled. -1 before the first message.
  std::int64_t position() const noexcept;
  std::size_t open() const noexcept { return open_.size() + rejected_.size(); }

 private:
  std::set<std::int64_t> open_;
  std::set<std::int64_t> rejected_;
  std::int64_t next_ = -1;
};

/// The ledgers of all partitions this process owns, and what has been committed of them.
class Ledger {
 public:
  void assign(const Partition& partition) { partitions_.try_emplace(partition); }
  void revoke(const Partition& partition) { partitions_.erase(partition); }
  bool owns(const Partition& partition) const { return partitions_.contains(partition); }
  std::size_t size() const noexcept { return partitions_.size(); }
  /// PartitionLedger::position() of each.
  std::map<Partition, std::int64_t> positions() const;

  /// False if the partition is not ours (any more), so that the message is somebody else's.
  bool take(const kafka::Message& message);
  void settle(const kafka::Message& message);
  void reject(const kafka::Message& message);
  /// PartitionLedger::has_turn(); false if the partition is not ours.
  bool has_turn(const kafka::Message& message) const;

  /// Positions that have moved since they were last asked to be committed, and those of `also` however they
  /// are; none of `without`.
  std::vector<kafka::TopicPartition> due(const std::set<Partition>& also = {},
                                         const std::set<Partition>& without = {}) const;
  /// A commit of these positions is under way.
  void requested(const std::vector<kafka::TopicPartition>& positions);
  /// The broker has taken it.
  void committed(const std::vector<kafka::TopicPartition>& positions);
  /// It has not: they are due again.
  void failed(const std::vector<kafka::TopicPartition>& positions);
  /// True if the broker has not taken all there is to commit, of partitions other than these.
  bool has_uncommitted(const std::set<Partition>& without = {}) const;

  /// The due positions of one partition, for its last commit; none or one.
  std::vector<kafka::TopicPartition> due(const Partition& partition) const;

 private:
  struct Entry {
    PartitionLedger ledger;
    std::int64_t requested = -1;
    std::int64_t committed = -1;
  };
  Entry* find(const kafka::TopicPartition& position);
  static void add_if_due(const Partition& partition, const Entry& entry,
                         std::vector<kafka::TopicPartition>& positions);

  std::map<Partition, Entry> partitions_;
};

}  // namespace gracedb::supervisor
