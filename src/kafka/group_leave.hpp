#pragma once

#include "kafka/assignment.hpp"
#include "kafka/group_requests.hpp"
#include "kafka/librdkafka.hpp"

#include <chrono>

namespace gracedb::kafka {

/// A consumer's way out of its group: rd_kafka_consumer_close(), which waits for ever where the broker is
/// gone, with a bound. Once begun, librdkafka never ends the destruction of a consumer that has not been told
/// to give its partitions up, or whose request to leave has not been written; so where this way is broken
/// off, finish() must be called before that.
class GroupLeave {
 public:
  using Clock = std::chrono::steady_clock;

  /// All must outlive it. From here on what comes for the consumer is served here.
  GroupLeave(rd_kafka_t* client, Assignment& assignment, const GroupRequests& requests);

  /// True once the group has been left, or there is nothing to leave; false where `deadline` passes.
  /// @throws as interruption::check(); it may be called again then
  bool serve_until(Clock::time_point deadline);

  /// Gives the partitions up and asks to leave if that has not happened yet, and waits up to `patience` for
  /// the answer.
  void finish(std::chrono::milliseconds patience) noexcept;

 private:
  bool is_done() const noexcept;
  /// Only the answer is waited for.
  bool has_asked() const noexcept;
  /// True if partitions were given up or taken.
  bool serve(std::chrono::milliseconds wait) noexcept;

  rd_kafka_t* client_;
  Assignment& assignment_;
  const GroupRequests& requests_;
  QueueHandle events_;
  bool is_leaving_;
};

}  // namespace gracedb::kafka
