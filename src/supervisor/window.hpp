#pragma once

#include "gracedb/kafka/message.hpp"

#include "supervisor/ledger.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace gracedb::supervisor {

/// A message that is being uploaded, or set aside.
struct InFlight {
  std::shared_ptr<const kafka::Message> message;
  std::string graceid;
  std::chrono::steady_clock::time_point picked_up;
  std::optional<std::chrono::system_clock::time_point> produced = {};  ///< as its producer says
};

/// The messages that are being uploaded or set aside, bounded in number and in memory.
class Window {
 public:
  using Id = std::uint64_t;

  Window(std::size_t most_messages, std::size_t most_bytes)
      : most_messages_(most_messages), most_bytes_(most_bytes) {}

  /// The memory a message takes while it is in flight: as it came, and its file decoded.
  static std::size_t weight_of(const kafka::Message& message);

  /// True if both bounds still hold with this message. One that exceeds the bound by itself has room alone.
  bool has_room_for(const kafka::Message& message) const;
  /// True if a small message has room.
  bool has_room() const { return messages_.size() < most_messages_ && bytes_ < most_bytes_; }

  Id add(InFlight in_flight);
  /// Null: it has been dropped before.
  const InFlight* find(Id id) const;
  /// None: it has been dropped before.
  std::optional<InFlight> remove(Id id);
  /// Forgets the messages of a partition; returns which those were.
  std::vector<Id> drop(const Partition& partition);
  bool holds(const Partition& partition) const;

  bool empty() const noexcept { return messages_.empty(); }
  std::size_t messages() const noexcept { return messages_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Entry {
    InFlight in_flight;
    std::size_t weight;
  };

  std::size_t most_messages_;
  std::size_t most_bytes_;
  std::unordered_map<Id, Entry> messages_;
  std::size_t bytes_ = 0;
  Id next_ = 1;
};

}  // namespace gracedb::supervisor
