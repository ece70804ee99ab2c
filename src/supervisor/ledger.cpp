#include "supervisor/ledger.hpp"

#include <algorithm>

namespace gracedb::supervisor {

void PartitionLedger::take(std::int64_t offset) {
  open_.insert(offset);
  next_ = std::max(next_, offset + 1);
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

void Ledger::add_if_due(const Partition& partition, const Entry& entry,
                        std::vector<kafka::TopicPartition>& positions) {
  const std::int64_t position = entry.ledger.position();
  if (position > entry.requested) positions.push_back({partition.topic, partition.number, position});
}

std::vector<kafka::TopicPartition> Ledger::due() const {
  std::vector<kafka::TopicPartition> positions;
  for (const auto& [partition, entry] : partitions_)
    add_if_due(partition, entry, positions);
  return positions;
}

std::vector<kafka::TopicPartition> Ledger::due(const Partition& partition) const {
  std::vector<kafka::TopicPartition> positions;
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) add_if_due(partition, found->second, positions);
  return positions;
}

bool Ledger::has_uncommitted() const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [](const auto& each) { return each.second.ledger.position() > each.second.committed; });
}

Ledger::Entry* Ledger::find(const kafka::TopicPartition& position) {
  const auto found = partitions_.find({position.topic, position.partition});
  return found == partitions_.end() ? nullptr : &found->second;
}

void Ledger::requested(const std::vector<kafka::TopicPartition>& positions) {
  for (const auto& position : positions) {
    if (Entry* entry = find(position)) entry->requested = position.offset;
  }
}

void Ledger::committed(const std::vector<kafka::TopicPartition>& positions) {
  for (const auto& position : positions) {
    if (Entry* entry = find(position)) entry->committed = std::max(entry->committed, position.offset);
  }
}

void Ledger::failed(const std::vector<kafka::TopicPartition>& positions) {
  for (const auto& position : positions) {
    if (Entry* entry = find(position)) entry->requested = entry->committed;
  }
}

}  // namespace gracedb::supervisor
