#include "supervisor/ledger.hpp"

#include <algorithm>

namespace gracedb::supervisor {

void PartitionLedger::take(std::int64_t offset) {
  open_.insert(offset);
  next_ = std::max(next_, offset + 1);
}

void PartitionLedger::settle(std::int64_t offset) {
  open_.erase(offset);
  rejected_.erase(offset);
}

void PartitionLedger::reject(std::int64_t offset) {
  if (open_.erase(offset) > 0) rejected_.insert(offset);
}

std::int64_t PartitionLedger::position() const noexcept {
  std::int64_t position = next_;
  if (!open_.empty()) position = std::min(position, *open_.begin());
  if (!rejected_.empty()) position = std::min(position, *rejected_.begin());
  return position;
}

std::map<Partition, std::int64_t> Ledger::positions() const {
  std::map<Partition, std::int64_t> positions;
  for (const auto& [partition, entry] : partitions_)
    positions.emplace(partition, entry.ledger.position());
  return positions;
}

bool Ledger::take(const kafka::Message& message) {
  const auto found = partitions_.find(Partition::of(message));
  if (found == partitions_.end()) return false;
  Entry& entry = found->second;
  // Where the group stood when we began.
  if (entry.committed < 0) entry.committed = entry.requested = message.offset;
  entry.ledger.take(message.offset);
  return true;
}

void Ledger::settle(const kafka::Message& message) {
  const auto found = partitions_.find(Partition::of(message));
  if (found != partitions_.end()) found->second.ledger.settle(message.offset);
}

void Ledger::reject(const kafka::Message& message) {
  const auto found = partitions_.find(Partition::of(message));
  if (found != partitions_.end()) found->second.ledger.reject(message.offset);
}

bool Ledger::has_turn(const kafka::Message& message) const {
  const auto found = partitions_.find(Partition::of(message));
  return found != partitions_.end() && found->second.ledger.has_turn(message.offset);
}

void Ledger::add_if_due(const Partition& partition, const Entry& entry,
                        std::vector<kafka::TopicPartition>& positions) {
  const std::int64_t position = entry.ledger.position();
  if (position > entry.requested) positions.push_back({partition.topic, partition.number, position});
}

std::vector<kafka::TopicPartition> Ledger::due(const std::set<Partition>& also,
                                               const std::set<Partition>& without) const {
  std::vector<kafka::TopicPartition> positions;
  for (const auto& [partition, entry] : partitions_) {
    if (without.contains(partition)) continue;
    if (also.contains(partition)) {
      positions.push_back({partition.topic, partition.number, entry.ledger.position()});
    } else {
      add_if_due(partition, entry, positions);
    }
  }
  return positions;
}

std::vector<kafka::TopicPartition> Ledger::due(const Partition& partition) const {
  std::vector<kafka::TopicPartition> positions;
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) add_if_due(partition, found->second, positions);
  return positions;
}

bool Ledger::has_uncommitted(const std::set<Partition>& without) const {
  return std::any_of(partitions_.begin(), partitions_.end(), [&](const auto& each) {
    const auto& [partition, entry] = each;
    return entry.ledger.position() > entry.committed && !without.contains(partition);
  });
}

Ledger::Entry* Ledger::find(const kafka::TopicPartition& position) {
  const auto found = partitions_.find({position.topic, position.partition});
  return found == partitions_.end() ? nullptr : &found->second;
}

void Ledger::requested(const std::vector<kafka::TopicPartition>& positions) {
  for (const auto& position : positions) {
    if (Entry* entry = find(position)) entry->requested = position.offset.value();
  }
}

void Ledger::committed(const std::vector<kafka::TopicPartition>& positions) {
  for (const auto& position : positions) {
    if (Entry* entry = find(position)) entry->committed = std::max(entry->committed, position.offset.value());
  }
}

void Ledger::failed(const std::vector<kafka::TopicPartition>& positions) {
  for (const auto& position : positions) {
    if (Entry* entry = find(position)) entry->requested = entry->committed;
  }
}

}  // namespace gracedb::supervisor
