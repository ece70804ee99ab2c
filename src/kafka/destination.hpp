#pragma once

#include "gracedb/kafka/message.hpp"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::kafka {

/// Where a message goes.
struct Destination {
  std::string topic;  ///< with the instance name
  std::optional<std::string> key;
  Headers headers;
  std::int32_t partition = RD_KAFKA_PARTITION_UA;
  std::optional<std::chrono::system_clock::time_point> timestamp;  ///< none: now
};

/// Hands a message to librdkafka, which does not copy the value: it must live until the message's report, or
/// until the client is gone.
/// @param opaque  comes back with the report
rd_kafka_resp_err_t hand_over(rd_kafka_t* client, const Destination& to, std::string_view value,
                              void* opaque);

}  // namespace gracedb::kafka
