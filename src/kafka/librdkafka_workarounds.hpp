#pragma once

#include "kafka/librdkafka.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

/// Workarounds for faults of librdkafka that the consumer meets. A number is an issue of
/// https://github.com/confluentinc/librdkafka. The code tests the version of the loaded librdkafka, so that a
/// workaround does not run on a version without the fault.
///
/// | issue | fault                                                                 | fixed in       |
/// |-------|-----------------------------------------------------------------------|----------------|
/// | #2879 | a full fetch queue is checked only once a second                      | 2.2.0          |
/// | #4312 | the process aborts when a consumer without assignment is destroyed    | 2.3.0          |
/// | #4059 | a commit during a rebalance loses all partitions                      | 2.10.0         |
/// | #4519 | closing or destroying a consumer blocks forever if the broker is gone | not in 2.15.0  |
/// | #4789 | the process crashes if the committed offsets cannot be fetched        | not in 2.15.0  |
/// | #5591 | a resume during a rebalance is dropped without an error               | not in 2.15.0  |
namespace gracedb::kafka {

class Assignment;

/// True if the loaded librdkafka is older than release `major`.`minor`.0.
bool librdkafka_is_older_than(int major, int minor) noexcept;

/// Tracks the JoinGroup, SyncGroup and LeaveGroup requests of a consumer, which librdkafka does not expose.
/// Needed for #4059, #4312 and #4519. The methods may be called from any thread.
class GroupRequestTracker {
 public:
  GroupRequestTracker() = default;
  GroupRequestTracker(const GroupRequestTracker&) = delete;
  GroupRequestTracker& operator=(const GroupRequestTracker&) = delete;

  /// Tracks the client that will be made from this configuration; this object must outlive it.
  void attach(rd_kafka_conf_t* config);

  /// #4059: true from the JoinGroup request to the SyncGroup response. A commit sent in this time may carry
  /// an old generation; librdkafka < 2.10 then gives up all partitions as lost, also those that would have
  /// stayed.
  bool commit_loses_partitions() const noexcept;

  /// #4059: also true shortly after a response that may cause a JoinGroup request: another thread sends that
  /// request, and a commit now may be sent right behind it.
  bool commit_may_lose_partitions() const noexcept;

  /// #4312: with the cooperative-sticky strategy librdkafka < 2.3 aborts the process when a member is
  /// destroyed that has joined the group and was never assigned partitions. The caller must leak the handle.
  /// @param config        of the client
  /// @param was_assigned  true after the first assignment, even an empty one
  bool destroy_aborts(const rd_kafka_conf_t* config, bool was_assigned) const noexcept;

  /// #4519: true once a LeaveGroup request has been sent since the last JoinGroup request. It may be
  /// unanswered.
  bool has_sent_leave() const noexcept { return has_sent_leave_.load(std::memory_order_acquire); }

 private:
  using Clock = std::chrono::steady_clock;

  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*, size_t);
  static rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                        std::int16_t, std::int32_t, size_t, void* self);
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                         std::int16_t, std::int32_t, size_t, std::int64_t,
                                         rd_kafka_resp_err_t, void* self);

  void note_request(std::int16_t request) noexcept;
  void note_response(std::int16_t request) noexcept;

  std::atomic<bool> is_joining_{false};
  std::atomic<int> join_responses_{0};
  std::atomic<bool> has_joined_{false};
  std::atomic<Clock::time_point> last_join_trigger_{};
  std::atomic<bool> has_sent_leave_{false};
};

/// #2879: makes librdkafka < 2.2 fetch again as soon as a full fetch queue has room; it checks the queue only
/// once a second, and a fast consumer empties it sooner. From 2.2 on the property fetch.queue.backoff.ms does
/// this. Belongs to the polling thread.
class FetchWakeup {
 public:
  using Partitions = std::set<std::pair<std::string, std::int32_t>>;

  static bool is_needed() noexcept { return librdkafka_is_older_than(2, 2); }

  /// All arguments must outlive this object.
  FetchWakeup(rd_kafka_t* client, rd_kafka_queue_t* queue, const Partitions& assigned);

  /// Call for each message taken from the queue, with its size in bytes.
  void on_message(std::size_t bytes) noexcept {
    bytes_ += bytes;
    if (++messages_ >= max_messages_ / checks_per_queue || bytes_ >= max_bytes_ / checks_per_queue) check();
  }

 private:
  static constexpr std::size_t checks_per_queue = 8;

  void check() noexcept;
  void wake_fetcher() const noexcept;

  rd_kafka_t* client_;
  rd_kafka_queue_t* queue_;
  const Partitions& assigned_;
  std::size_t max_messages_;    ///< in the queue; above, librdkafka does not fetch
  std::size_t max_bytes_;       ///< likewise
  std::size_t messages_ = 0;    ///< taken since the last check
  std::size_t bytes_ = 0;       ///< likewise
  bool was_half_full_ = false;  ///< at the last check
};

/// #4519: leaves the group like rd_kafka_consumer_close(), but with a timeout. Once this has started, the
/// destruction of the client blocks forever unless the revoked partitions were unassigned and the LeaveGroup
/// request was sent: call finish() if serve_until() did not return true.
class GroupLeave {
 public:
  using Clock = std::chrono::steady_clock;

  /// All arguments must outlive this object. From now on it receives the events of the consumer.
  GroupLeave(rd_kafka_t* client, Assignment& assignment, const GroupRequestTracker& requests);

  /// Revokes the partitions and leaves the group. Returns false if `deadline` passes first.
  /// @throws as interruption::check(); may be called again then
  bool serve_until(Clock::time_point deadline);

  /// Unassigns the partitions and sends the LeaveGroup request if that has not happened yet, and waits up to
  /// `response_timeout` for the response.
  void finish(std::chrono::milliseconds response_timeout) noexcept;

 private:
  bool is_done() const noexcept;
  /// True if only the response to the LeaveGroup request is missing.
  bool has_requested() const noexcept;
  /// Handles one event. Returns true if it was a rebalance.
  bool serve(std::chrono::milliseconds timeout) noexcept;

  rd_kafka_t* client_;
  Assignment& assignment_;
  const GroupRequestTracker& requests_;
  QueueHandle events_;
  bool is_leaving_;
};

/// #4789: sets the offset of each partition that has none to the committed offset of the group, or, if there
/// is none, to the one that auto.offset.reset selects. librdkafka does the same, but crashes on a permanent
/// error, such as an expired token. If the offsets cannot be fetched within 10 s, or `is_interrupted` returns
/// true, the partitions keep no offset, and librdkafka fetches it.
/// @throws KafkaConsumerError  permanent error
void set_committed_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions,
                           const std::function<bool()>& is_interrupted);

/// #5591: resumes these partitions. A resume is dropped if librdkafka's own thread changes the same partition
/// at that moment, as in a rebalance; the partition would never be read again. A second resume has no effect
/// if the first one was not dropped.
void resume_partitions(rd_kafka_t* client, const rd_kafka_topic_partition_list_t& partitions) noexcept;

}  // namespace gracedb::kafka
