#pragma once

#include "kafka/handles.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gracedb::kafka {

/// Whether a consumer is joining its group just now: from its request to join to the answer that tells its
/// share. A commit sent in this time carries a generation that the group may have left behind already, and
/// librdkafka before 2.10 then gives up every partition as lost, also those that were to stay.
class GroupJoin {
 public:
  GroupJoin() = default;
  GroupJoin(const GroupJoin&) = delete;
  GroupJoin& operator=(const GroupJoin&) = delete;

  /// Follows the requests of the client that is made from this configuration; this object must outlive it.
  void follow(rd_kafka_conf_t* config);

  bool is_under_way() const noexcept { return under_way_.load(std::memory_order_acquire); }

 private:
  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*, size_t);
  static rd_kafka_resp_err_t on_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                     std::int16_t, std::int32_t, size_t, void* self);
  static rd_kafka_resp_err_t on_answered(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                         std::int16_t, std::int32_t, size_t, std::int64_t,
                                         rd_kafka_resp_err_t, void* self);

  std::atomic<bool> under_way_{false};
};

}  // namespace gracedb::kafka
