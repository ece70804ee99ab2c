#include "kafka/group_requests.hpp"

namespace gracedb::kafka {
namespace {

// Of the Kafka protocol.
constexpr std::int16_t metadata = 3;
constexpr std::int16_t join_group = 11;
constexpr std::int16_t heartbeat = 12;
constexpr std::int16_t leave_group = 13;
constexpr std::int16_t sync_group = 14;

/// From being told to the request to join, also where other programs take the processors.
constexpr std::chrono::milliseconds time_to_ask{200};

constexpr const char* name = "gracedb-group-requests";

}  // namespace

void GroupRequests::follow(rd_kafka_conf_t* config) {
  rd_kafka_conf_interceptor_add_on_new(config, name, &GroupRequests::on_new, this);
}

rd_kafka_resp_err_t GroupRequests::on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*,
                                          size_t) {
  const auto code = rd_kafka_interceptor_add_on_request_sent(client, name, &GroupRequests::on_sent, self);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  return rd_kafka_interceptor_add_on_response_received(client, name, &GroupRequests::on_answered, self);
}

rd_kafka_resp_err_t GroupRequests::on_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                           std::int16_t, std::int32_t, size_t, void* self) {
  static_cast<GroupRequests*>(self)->note_sent(request);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t GroupRequests::on_answered(rd_kafka_t*, int, const char*, std::int32_t,
                                               std::int16_t request, std::int16_t, std::int32_t, size_t,
                                               std::int64_t, rd_kafka_resp_err_t, void* self) {
  static_cast<GroupRequests*>(self)->note_answered(request);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void GroupRequests::note_sent(std::int16_t request) noexcept {
  if (request == join_group) {
    is_joining_.store(true, std::memory_order_release);
    has_asked_to_leave_.store(false, std::memory_order_release);
  } else if (request == sync_group) {
    has_joined_.store(true, std::memory_order_release);
  } else if (request == leave_group) {
    has_asked_to_leave_.store(true, std::memory_order_release);
  }
}

void GroupRequests::note_answered(std::int16_t request) noexcept {
  if (request == sync_group) is_joining_.store(false, std::memory_order_release);
  // The first answer gives no more than an id to join with; a leader asks for its share only after some work.
  if (request == join_group && ++join_answers_ > 1) has_joined_.store(true, std::memory_order_release);
  if (request == heartbeat || request == metadata) last_told_.store(Clock::now(), std::memory_order_release);
}

bool GroupRequests::may_be_joining() const noexcept {
  return is_joining() || Clock::now() < last_told_.load(std::memory_order_acquire) + time_to_ask;
}

}  // namespace gracedb::kafka
