#include "kafka/group_join.hpp"

namespace gracedb::kafka {
namespace {

// Of the Kafka protocol.
constexpr std::int16_t join_group = 11;
constexpr std::int16_t sync_group = 14;

constexpr const char* name = "gracedb-group-join";

}  // namespace

void GroupJoin::follow(rd_kafka_conf_t* config) {
  rd_kafka_conf_interceptor_add_on_new(config, name, &GroupJoin::on_new, this);
}

rd_kafka_resp_err_t GroupJoin::on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*, size_t) {
  const auto code = rd_kafka_interceptor_add_on_request_sent(client, name, &GroupJoin::on_sent, self);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  return rd_kafka_interceptor_add_on_response_received(client, name, &GroupJoin::on_answered, self);
}

rd_kafka_resp_err_t GroupJoin::on_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                       std::int16_t, std::int32_t, size_t, void* self) {
  if (request == join_group) static_cast<GroupJoin*>(self)->under_way_.store(true, std::memory_order_release);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t GroupJoin::on_answered(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t request,
                                           std::int16_t, std::int32_t, size_t, std::int64_t,
                                           rd_kafka_resp_err_t, void* self) {
  if (request == sync_group)
    static_cast<GroupJoin*>(self)->under_way_.store(false, std::memory_order_release);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace gracedb::kafka
