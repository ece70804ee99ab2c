#pragma once

#include "gracedb/errors.hpp"
#include "gracedb/kafka/message.hpp"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// librdkafka's C objects with an owner, its types as ours, and its errors in words.
namespace gracedb::kafka {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const noexcept {
    destroy(object);
  }
};

using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using HeadersHandle = std::unique_ptr<rd_kafka_headers_t, Destroy<rd_kafka_headers_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using PartitionsHandle =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;

/// Does not close a consumer: its owner does that within a time limit.
inline void destroy_client(rd_kafka_t* client) noexcept {
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
using ClientHandle = std::unique_ptr<rd_kafka_t, Destroy<destroy_client>>;

/// Null if there are none.
HeadersHandle to_librdkafka(const Headers& headers);
PartitionsHandle to_librdkafka(const std::vector<TopicPartition>& partitions);
std::vector<TopicPartition> from_librdkafka(const rd_kafka_topic_partition_list_t& partitions);
std::string key_of(const rd_kafka_message_t& message);
/// A copy that outlives librdkafka's.
Message message_of(const rd_kafka_message_t& raw);

KafkaErrorCode error_code(rd_kafka_resp_err_t code) noexcept;
bool is_authentication_error(rd_kafka_resp_err_t code) noexcept;
bool is_topic_error(rd_kafka_resp_err_t code) noexcept;
bool is_connection_error(rd_kafka_resp_err_t code) noexcept;

inline constexpr std::string_view fresh_token_hint =
    "Obtain a fresh token with: htgettoken -a vault.ligo.org -i igwn";

/// What the user can do about the error; empty if nothing useful can be said.
std::string_view hint_for(rd_kafka_resp_err_t code) noexcept;

/// "<what>: <librdkafka's description>. <hint>", redacted.
std::string error_text(std::string_view what, rd_kafka_resp_err_t code, std::string_view detail = {});

}  // namespace gracedb::kafka
