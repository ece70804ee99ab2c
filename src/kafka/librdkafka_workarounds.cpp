#include "kafka/librdkafka_workarounds.hpp"

#include "gracedb/errors.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/assignment.hpp"
#include "kafka/config.hpp"
#include "kafka/librdkafka.hpp"

#include <algorithm>
#include <span>
#include <thread>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;

}  // namespace

bool librdkafka_is_older_than(int major, int minor) noexcept {
  // 0xMMmmrrff for the release MM.mm.rr.
  return rd_kafka_version() < ((major << 24) | (minor << 16) | 0xff);
}

// ---- GroupRequestTracker

namespace {

// Request types of the Kafka protocol.
constexpr std::int16_t metadata = 3;
constexpr std::int16_t join_group = 11;
constexpr std::int16_t heartbeat = 12;
constexpr std::int16_t leave_group = 13;
constexpr std::int16_t sync_group = 14;

/// From a response that causes a JoinGroup request to that request, even on a busy machine.
constexpr milliseconds join_delay{200};

constexpr const char* interceptor = "gracedb-group-requests";

}  // namespace

void GroupRequestTracker::attach(rd_kafka_conf_t* config) {
  rd_kafka_conf_interceptor_add_on_new(config, interceptor, &GroupRequestTracker::on_new, this);
}

rd_kafka_resp_err_t GroupRequestTracker::on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*,
                                                size_t) {
  const auto code =
      rd_kafka_interceptor_add_on_request_sent(client, interceptor, &GroupRequestTracker::on_request, self);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  return rd_kafka_interceptor_add_on_response_received(client, interceptor, &GroupRequestTracker::on_response,
                                                       self);
}

rd_kafka_resp_err_t GroupRequestTracker::on_request(rd_kafka_t*, int, const char*, std::int32_t,
                                                    std::int16_t request, std::int16_t, std::int32_t, size_t,
                                                    void* self) {
  static_cast<GroupRequestTracker*>(self)->note_request(request);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t GroupRequestTracker::on_response(rd_kafka_t*, int, const char*, std::int32_t,
                                                     std::int16_t request, std::int16_t, std::int32_t, size_t,
                                                     std::int64_t, rd_kafka_resp_err_t, void* self) {
  static_cast<GroupRequestTracker*>(self)->note_response(request);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void GroupRequestTracker::note_request(std::int16_t request) noexcept {
  if (request == join_group) {
    is_joining_.store(true, std::memory_order_release);
    has_sent_leave_.store(false, std::memory_order_release);
  } else if (request == sync_group) {
    has_joined_.store(true, std::memory_order_release);
  } else if (request == leave_group) {
    has_sent_leave_.store(true, std::memory_order_release);
  }
}

void GroupRequestTracker::note_response(std::int16_t request) noexcept {
  if (request == sync_group) is_joining_.store(false, std::memory_order_release);
  // The first response only contains the member id to join with. A leader sends its SyncGroup request later.
  if (request == join_group && ++join_responses_ > 1) has_joined_.store(true, std::memory_order_release);
  if (request == heartbeat || request == metadata)
    last_join_trigger_.store(Clock::now(), std::memory_order_release);
}

bool GroupRequestTracker::commit_loses_partitions() const noexcept {
  return librdkafka_is_older_than(2, 10) && is_joining_.load(std::memory_order_acquire);
}

bool GroupRequestTracker::commit_may_lose_partitions() const noexcept {
  if (!librdkafka_is_older_than(2, 10)) return false;
  return is_joining_.load(std::memory_order_acquire) ||
         Clock::now() < last_join_trigger_.load(std::memory_order_acquire) + join_delay;
}

bool GroupRequestTracker::destroy_aborts(const rd_kafka_conf_t* config, bool was_assigned) const noexcept {
  return librdkafka_is_older_than(2, 3) && !was_assigned && has_joined_.load(std::memory_order_acquire) &&
         property(config, "partition.assignment.strategy") == "cooperative-sticky";
}

// ---- FetchWakeup

FetchWakeup::FetchWakeup(rd_kafka_t* client, rd_kafka_queue_t* queue, const Partitions& assigned)
    : client_(client),
      queue_(queue),
      assigned_(assigned),
      max_messages_(number_property(rd_kafka_conf(client), "queued.min.messages")),
      max_bytes_(number_property(rd_kafka_conf(client), "queued.max.messages.kbytes") * 1000) {}

// librdkafka does not expose the number of bytes in the queue; the last messages give the average size.
void FetchWakeup::check() noexcept {
  const std::size_t queued = rd_kafka_queue_length(queue_);
  const bool is_half_full = queued >= max_messages_ / 2 || queued * (bytes_ / messages_) >= max_bytes_ / 2;
  if (was_half_full_ && !is_half_full) wake_fetcher();
  was_half_full_ = is_half_full;
  messages_ = 0;
  bytes_ = 0;
}

// Any request wakes up the thread that fetches. This one is small, and the zero timeout ignores its response.
void FetchWakeup::wake_fetcher() const noexcept {
  if (assigned_.empty()) return;
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(assigned_.size())));
  for (const auto& [topic, partition] : assigned_)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_END;
  rd_kafka_offsets_for_times(client_, list.get(), 0);
}

// ---- GroupLeave

namespace {

/// For the LeaveGroup response, after the partitions were revoked.
constexpr milliseconds response_timeout_after_revoke{1'000};
/// librdkafka's threads revoke the partitions and send the LeaveGroup request within milliseconds. A request
/// that they cannot send is dropped after 5 s; they check for that once a second.
constexpr milliseconds request_timeout{7'000};
/// No event reports that the LeaveGroup request was sent.
constexpr milliseconds request_check_interval{2};

}  // namespace

GroupLeave::GroupLeave(rd_kafka_t* client, Assignment& assignment, const GroupRequestTracker& requests)
    : client_(client),
      assignment_(assignment),
      requests_(requests),
      events_(rd_kafka_queue_new(client)),
      is_leaving_(ErrorHandle(rd_kafka_consumer_close_queue(client, events_.get())) == nullptr) {
  assignment.begin_leaving();
}

bool GroupLeave::is_done() const noexcept { return !is_leaving_ || rd_kafka_consumer_closed(client_) != 0; }

bool GroupLeave::has_requested() const noexcept {
  return assignment_.is_empty() && requests_.has_sent_leave();
}

bool GroupLeave::serve(milliseconds timeout) noexcept {
  const EventHandle event(rd_kafka_queue_poll(
      events_.get(), static_cast<int>(std::min(timeout, interruption::longest_wait).count())));
  // Fetched messages are dropped here; the next owner of their partition reads them again.
  if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) return false;
  assignment_.rebalance(client_, rd_kafka_event_error(event.get()),
                        *rd_kafka_event_topic_partition_list(event.get()));
  return true;
}

bool GroupLeave::serve_until(Clock::time_point deadline) {
  while (!is_done()) {
    const milliseconds left = time_left(deadline);
    if (left == milliseconds(0)) return false;
    // Even if on_revoked was slow, the broker should receive the LeaveGroup request.
    if (serve(left)) deadline = std::max(deadline, Clock::now() + response_timeout_after_revoke);
    interruption::check();
  }
  return true;
}

void GroupLeave::finish(milliseconds response_timeout) noexcept {
  const auto begin = Clock::now();
  while (!is_done()) {
    const milliseconds left = time_left(begin + (has_requested() ? response_timeout : request_timeout));
    if (left == milliseconds(0)) return;
    serve(std::min(left, request_check_interval));
  }
}

// ---- set_committed_offsets()

namespace {

constexpr milliseconds committed_timeout{10'000};
/// One try; is_interrupted() is called between two tries.
constexpr milliseconds committed_try_timeout{1'000};
constexpr milliseconds committed_retry_interval{100};

constexpr const char* committed_task = "fetching the committed offsets of the group";

bool is_permanent(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

/// False if librdkafka has to fetch them.
bool fetch_committed(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions,
                     const std::function<bool()>& is_interrupted) {
  const auto deadline = std::chrono::steady_clock::now() + committed_timeout;
  while (!is_interrupted()) {
    const auto code =
        rd_kafka_committed(client, &partitions, static_cast<int>(committed_try_timeout.count()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (is_permanent(code)) throw KafkaConsumerError(error_text(committed_task, code), error_code(code));
    if (rd_kafka_assignment_lost(client) != 0 || std::chrono::steady_clock::now() >= deadline) {
      logger.warning("{}: {}; trying again in the background", committed_task, rd_kafka_err2str(code));
      return false;
    }
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) std::this_thread::sleep_for(committed_retry_interval);
  }
  return false;
}

/// The offset that auto.offset.reset selects.
std::int64_t reset_offset(rd_kafka_t* client) {
  const std::string where = property(rd_kafka_conf(client), "auto.offset.reset");
  if (where == "earliest" || where == "smallest" || where == "beginning") return RD_KAFKA_OFFSET_BEGINNING;
  if (where == "latest" || where == "largest" || where == "end") return RD_KAFKA_OFFSET_END;
  return RD_KAFKA_OFFSET_INVALID;
}

std::span<rd_kafka_topic_partition_t> elements(rd_kafka_topic_partition_list_t& partitions) {
  return {partitions.elems, static_cast<std::size_t>(partitions.cnt)};
}

}  // namespace

void set_committed_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions,
                           const std::function<bool()>& is_interrupted) {
  const PartitionsHandle wanted(rd_kafka_topic_partition_list_new(partitions.cnt));
  for (const auto& each : elements(partitions)) {
    if (each.offset == RD_KAFKA_OFFSET_INVALID)
      rd_kafka_topic_partition_list_add(wanted.get(), each.topic, each.partition);
  }
  if (wanted->cnt == 0 || !fetch_committed(client, *wanted, is_interrupted)) return;
  const std::int64_t reset = reset_offset(client);
  for (const auto& found : elements(*wanted)) {
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    rd_kafka_topic_partition_list_set_offset(&partitions, found.topic, found.partition,
                                             found.offset >= 0 ? found.offset : reset);
  }
}

void resume_partitions(rd_kafka_t* client, const rd_kafka_topic_partition_list_t& partitions) noexcept {
  const PartitionsHandle list(rd_kafka_topic_partition_list_copy(&partitions));
  for (int each = 0; each < 2; ++each)
    rd_kafka_resume_partitions(client, list.get());
}

}  // namespace gracedb::kafka
