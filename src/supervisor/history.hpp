#pragma once

#include "supervisor/event_record.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

namespace gracedb::supervisor {

/// A settled message with its place in the history.
struct PastEvent {
  std::uint64_t number = 0;  ///< 1 for the first since the start
  std::chrono::system_clock::time_point time;
  EventRecord record;
};

/// The last settled messages, for those who watch. Safe to share between threads; who writes never waits for
/// who reads.
class History {
 public:
  explicit History(std::size_t capacity) : capacity_(capacity) {}

  void add(EventRecord record, std::chrono::system_clock::time_point now);
  /// Those with a number above `number`, as far as they are still known, oldest first.
  std::vector<PastEvent> after(std::uint64_t number) const;
  /// Waits for one with a number above `number`, for `timeout`, or for close().
  void wait(std::uint64_t number, std::chrono::milliseconds timeout) const;
  /// Ends all waiting, now and later.
  void close();
  bool is_closed() const;

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<PastEvent> events_;
  std::uint64_t last_ = 0;
  bool is_closed_ = false;
};

}  // namespace gracedb::supervisor
