#include "supervisor/window.hpp"

#include <algorithm>
#include <utility>

namespace gracedb::supervisor {

std::size_t Window::weight_of(const kafka::Message& message) {
  std::size_t weight = message.value.size() + message.value.size() / 4 * 3;
  for (const auto& [name, value] : message.headers)
    weight += name.size() + value.size();
  return weight + message.key.value_or(std::string()).size();
}

bool Window::has_room_for(const kafka::Message& message) const {
  if (messages_.empty()) return true;
  return messages_.size() < most_messages_ && bytes_ + weight_of(message) <= most_bytes_;
}

Window::Id Window::add(InFlight in_flight) {
  const std::size_t weight = weight_of(*in_flight.message);
  messages_.emplace(next_, Entry{std::move(in_flight), weight});
  bytes_ += weight;
  return next_++;
}

const InFlight* Window::find(Id id) const {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second.in_flight;
}

std::optional<InFlight> Window::remove(Id id) {
  const auto found = messages_.find(id);
  if (found == messages_.end()) return std::nullopt;
  bytes_ -= found->second.weight;
  InFlight in_flight = std::move(found->second.in_flight);
  messages_.erase(found);
  return in_flight;
}

std::vector<Window::Id> Window::drop(const Partition& partition) {
  std::vector<Id> dropped;
  for (const auto& [id, entry] : messages_) {
    if (Partition::of(*entry.in_flight.message) == partition) dropped.push_back(id);
  }
  for (const Id id : dropped)
    remove(id);
  return dropped;
}

bool Window::holds(const Partition& partition) const {
  return std::any_of(messages_.begin(), messages_.end(), [&](const auto& entry) {
    return Partition::of(*entry.second.in_flight.message) == partition;
  });
}

}  // namespace gracedb::supervisor
