#pragma once

#include "kafka/group_consumer.hpp"
#include "supervisor/in_flight.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace gracedb::supervisor {

/// How many messages of a partition are not settled yet.
struct PartitionLag {
  Partition partition;
  std::int64_t messages = 0;
};

/// Works out the lag of the partitions we read, mostly from what the consumer knows by itself. The broker is
/// asked only where that is not enough: for the ends of partitions that are paused, and for the beginning of
/// those from which nothing has come yet.
class LagWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Offsets = std::map<Partition, std::int64_t>;

  bool is_due(Clock::time_point now) const noexcept { return now >= next_look_; }
  /// No entry for a partition whose lag is not known.
  std::vector<PartitionLag> look(kafka::GroupConsumer& consumer, const Offsets& positions, bool is_paused,
                                 Clock::time_point now);

 private:
  void ask(kafka::GroupConsumer& consumer, const Offsets& positions, bool is_paused, Clock::time_point now);

  Offsets ends_;
  Offsets begins_;  ///< where the group began to read what we were given
  Clock::time_point next_look_ = Clock::time_point::min();
  Clock::time_point next_question_ = Clock::time_point::min();
};

}  // namespace gracedb::supervisor
