#include "kafka/destination.hpp"

#include "kafka/conversions.hpp"

namespace gracedb::kafka {
namespace {

// What librdkafka takes for "now" is 0.
std::int64_t timestamp_of(const Destination& to) {
  if (!to.timestamp) return 0;
  return std::chrono::duration_cast<std::chrono::milliseconds>(to.timestamp->time_since_epoch()).count();
}

}  // namespace

rd_kafka_resp_err_t hand_over(rd_kafka_t* client, const Destination& to, std::string_view value,
                              void* opaque) {
  HeadersHandle headers = to_librdkafka(to.headers);
  std::string_view key;
  if (to.key) key = *to.key;
  const auto code = rd_kafka_producev(
      client, RD_KAFKA_V_TOPIC(to.topic.c_str()), RD_KAFKA_V_PARTITION(to.partition),
      RD_KAFKA_V_TIMESTAMP(timestamp_of(to)), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
      RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(opaque),
      RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<void>(headers.release());  // librdkafka's now
  return code;
}

}  // namespace gracedb::kafka
