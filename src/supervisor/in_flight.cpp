#include "supervisor/in_flight.hpp"

#include <algorithm>
#include <utility>

namespace gracedb::supervisor {

std::size_t InFlight::bytes_of(const kafka::Message& message) {
  std::size_t bytes = message.value.size() + message.value.size() / 4 * 3;
  for (const auto& [name, value] : message.headers)
    bytes += name.size() + value.size();
  return bytes + message.key.value_or(std::string()).size();
}

// ---- partitions

std::vector<MessageId> InFlight::revoke(const Partition& partition) {
  std::vector<MessageId> dropped;
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return dropped;
  for (const auto& [offset, id] : found->second.unsettled) {
    dropped.push_back(id);
    forget(messages_.at(id));
    messages_.erase(id);
  }
  partitions_.erase(found);
  return dropped;
}

std::map<Partition, std::int64_t> InFlight::positions() const {
  std::map<Partition, std::int64_t> positions;
  for (const auto& [partition, state] : partitions_)
    positions.emplace(partition, state.position());
  return positions;
}

// ---- messages

std::optional<MessageId> InFlight::receive(kafka::Message message) {
  const auto found = partitions_.find(Partition::of(message));
  if (found == partitions_.end()) return std::nullopt;
  PartitionState& state = found->second;
  // The first message shows where the group stands.
  if (state.committed < 0) state.committed = state.requested = message.offset;
  const MessageId id = next_id_++;
  state.unsettled[message.offset] = id;
  state.next_offset = std::max(state.next_offset, message.offset + 1);
  InFlightMessage& record = messages_[id];
  record.id = id;
  record.message = std::make_shared<const kafka::Message>(std::move(message));
  received_.emplace(id, &record);
  return id;
}

InFlightMessage* InFlight::next() {
  if (received_.empty()) return nullptr;
  InFlightMessage* const oldest = received_.begin()->second;
  if (admitted_ == 0) return oldest;
  const bool fits = admitted_ < max_messages_ && admitted_bytes_ + bytes_of(*oldest->message) <= max_bytes_;
  return fits ? oldest : nullptr;
}

bool InFlight::has_room() const noexcept {
  return received_.empty() && admitted_ < max_messages_ && admitted_bytes_ < max_bytes_;
}

void InFlight::admit(InFlightMessage& message, MessageState state) {
  if (message.state == MessageState::received) {
    received_.erase(message.id);
    ++admitted_;
    admitted_bytes_ += bytes_of(*message.message);
  }
  message.state = state;
}

void InFlight::forget(const InFlightMessage& message) {
  if (message.state == MessageState::received) {
    received_.erase(message.id);
  } else {
    --admitted_;
    admitted_bytes_ -= bytes_of(*message.message);
  }
}

void InFlight::start_upload(MessageId id) {
  InFlightMessage* const message = record_of(id);
  if (message != nullptr && message->state == MessageState::received)
    admit(*message, MessageState::uploading);
}

void InFlight::reject(MessageId id, Rejection rejection, EventRecord record) {
  InFlightMessage* const message = record_of(id);
  if (message == nullptr || message->state == MessageState::writing_dead_letter) return;
  admit(*message, MessageState::rejected);
  message->rejection = std::move(rejection);
  message->record = std::move(record);
}

// The order keeps dead letters sorted, and limits what a crash makes the next process write again.
std::vector<const InFlightMessage*> InFlight::start_dead_letters() {
  std::vector<const InFlightMessage*> started;
  for (const auto& [partition, state] : partitions_) {
    for (const auto& [offset, id] : state.unsettled) {
      InFlightMessage& message = messages_.at(id);
      if (message.state == MessageState::received || message.state == MessageState::uploading) break;
      if (message.state != MessageState::rejected) continue;
      message.state = MessageState::writing_dead_letter;
      started.push_back(&message);
    }
  }
  return started;
}

std::optional<InFlightMessage> InFlight::settle(MessageId id) {
  InFlightMessage* const found = record_of(id);
  if (found == nullptr) return std::nullopt;
  forget(*found);
  InFlightMessage message = std::move(*found);
  messages_.erase(id);
  partitions_.at(Partition::of(*message.message)).unsettled.erase(message.message->offset);
  return message;
}

const InFlightMessage* InFlight::find(MessageId id) const {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

InFlightMessage* InFlight::record_of(MessageId id) {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

bool InFlight::is_processing(const Partition& partition) const {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return false;
  const auto& unsettled = found->second.unsettled;
  return std::any_of(unsettled.begin(), unsettled.end(), [this](const auto& each) {
    return messages_.at(each.second).state != MessageState::received;
  });
}

// ---- commits

void InFlight::add_if_due(const Partition& partition, const PartitionState& state,
                          std::vector<kafka::TopicPartition>& offsets) {
  const std::int64_t position = state.position();
  if (position > state.requested) offsets.push_back({partition.topic, partition.number, position});
}

std::vector<kafka::TopicPartition> InFlight::due() const {
  std::vector<kafka::TopicPartition> offsets;
  for (const auto& [partition, state] : partitions_)
    add_if_due(partition, state, offsets);
  return offsets;
}

std::vector<kafka::TopicPartition> InFlight::due(const Partition& partition) const {
  std::vector<kafka::TopicPartition> offsets;
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return offsets;
  // A commit in flight may fail during the rebalance, so this one includes it.
  const std::int64_t position = found->second.position();
  if (position > found->second.committed) offsets.push_back({partition.topic, partition.number, position});
  return offsets;
}

bool InFlight::has_uncommitted() const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [](const auto& each) { return each.second.position() > each.second.committed; });
}

InFlight::PartitionState* InFlight::find(const kafka::TopicPartition& partition) {
  const auto found = partitions_.find({partition.topic, partition.partition});
  return found == partitions_.end() ? nullptr : &found->second;
}

void InFlight::commit_requested(const std::vector<kafka::TopicPartition>& offsets) {
  for (const auto& each : offsets) {
    if (PartitionState* state = find(each)) state->requested = each.offset.value();
  }
}

void InFlight::commit_succeeded(const std::vector<kafka::TopicPartition>& offsets) {
  for (const auto& each : offsets) {
    if (PartitionState* state = find(each))
      state->committed = std::max(state->committed, each.offset.value());
  }
}

void InFlight::commit_failed(const std::vector<kafka::TopicPartition>& offsets) {
  for (const auto& each : offsets) {
    if (PartitionState* state = find(each)) state->requested = state->committed;
  }
}

}  // namespace gracedb::supervisor
