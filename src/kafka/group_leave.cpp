#include "kafka/group_leave.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"

#include <algorithm>

namespace gracedb::kafka {
namespace {

using std::chrono::milliseconds;

/// To tell the broker, once the partitions are given up.
constexpr milliseconds time_to_tell{1'000};
/// librdkafka's own threads ask for the partitions and write the request to leave within milliseconds. It
/// drops a request that it cannot write after 5 s, and looks for such once a second.
constexpr milliseconds time_to_ask{7'000};
/// Nothing wakes us when the request has been written.
constexpr milliseconds between_looks{2};

}  // namespace

GroupLeave::GroupLeave(rd_kafka_t* client, Assignment& assignment, const GroupRequests& requests)
    : client_(client),
      assignment_(assignment),
      requests_(requests),
      events_(rd_kafka_queue_new(client)),
      is_leaving_(ErrorHandle(rd_kafka_consumer_close_queue(client, events_.get())) == nullptr) {
  assignment.begin_leaving();
}

bool GroupLeave::is_done() const noexcept { return !is_leaving_ || rd_kafka_consumer_closed(client_) != 0; }

bool GroupLeave::has_asked() const noexcept {
  return assignment_.is_empty() && requests_.has_asked_to_leave();
}

bool GroupLeave::serve(milliseconds wait) noexcept {
  const EventHandle event(rd_kafka_queue_poll(
      events_.get(), static_cast<int>(std::min(wait, interruption::longest_wait).count())));
  // Fetched messages come this way too; they are let go and read again by the partition's next owner.
  if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) return false;
  assignment_.rebalance(client_, rd_kafka_event_error(event.get()),
                        *rd_kafka_event_topic_partition_list(event.get()));
  return true;
}

bool GroupLeave::serve_until(Clock::time_point deadline) {
  while (!is_done()) {
    const milliseconds left = time_left(deadline);
    if (left == milliseconds(0)) return false;
    // However long on_revoked has taken, the broker is to hear of it.
    if (serve(left)) deadline = std::max(deadline, Clock::now() + time_to_tell);
    interruption::check();
  }
  return true;
}

void GroupLeave::finish(milliseconds patience) noexcept {
  const auto begin = Clock::now();
  while (!is_done()) {
    const milliseconds left = time_left(begin + (has_asked() ? patience : time_to_ask));
    if (left == milliseconds(0)) return;
    serve(std::min(left, between_looks));
  }
}

}  // namespace gracedb::kafka
