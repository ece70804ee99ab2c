#pragma once

#include "kafka/librdkafka.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gracedb::kafka {

/// What a consumer is asking of its group just now; librdkafka tells nothing of it.
class GroupRequests {
 public:
  GroupRequests() = default;
  GroupRequests(const GroupRequests&) = delete;
  GroupRequests& operator=(const GroupRequests&) = delete;

  /// Follows the requests of the client that is made from this configuration; this object must outlive it.
  void follow(rd_kafka_conf_t* config);

  /// From its request to join to the answer that tells its share. A commit sent in this time carries a
  /// generation that the group may have left behind already, and librdkafka before 2.10 then gives up every
  /// partition as lost, also those that were to stay.
  bool is_joining() const noexcept { return is_joining_.load(std::memory_order_acquire); }

  /// It is joining, or has just been told something that may make it join: that request is written by another
  /// thread than the one that has been told. A commit now may come right behind it.
  bool may_be_joining() const noexcept;

  /// The group has taken it in, whether or not it has told its share since.
  bool has_joined() const noexcept { return has_joined_.load(std::memory_order_acquire); }

  /// Its request to leave, which need not be answered yet, has been written since it last joined.
  bool has_asked_to_leave() const noexcept { return has_asked_to_leave_.load(std::memory_order_acquire); }

 private:
  using Clock = std::chrono::steady_clock;

  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*, size_t);
  static rd_kafka_resp_err_t on_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                     std::int16_t, std::int32_t, size_t, void* self);
  static rd_kafka_resp_err_t on_answered(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                         std::int16_t, std::int32_t, size_t, std::int64_t,
                                         rd_kafka_resp_err_t, void* self);

  void note_sent(std::int16_t request) noexcept;
  void note_answered(std::int16_t request) noexcept;

  std::atomic<bool> is_joining_{false};
  std::atomic<int> join_answers_{0};
  std::atomic<bool> has_joined_{false};
  std::atomic<Clock::time_point> last_told_{};
  std::atomic<bool> has_asked_to_leave_{false};
};

}  // namespace gracedb::kafka
