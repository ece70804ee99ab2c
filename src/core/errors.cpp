#include "gracedb/errors.hpp"

namespace gracedb {

const char* to_string(KafkaErrorCode code) noexcept {
  switch (code) {
    case KafkaErrorCode::other:
      return "other";
    case KafkaErrorCode::authentication_failed:
      return "authentication_failed";
    case KafkaErrorCode::topic_not_found:
      return "topic_not_found";
    case KafkaErrorCode::topic_forbidden:
      return "topic_forbidden";
    case KafkaErrorCode::partition_not_found:
      return "partition_not_found";
    case KafkaErrorCode::group_forbidden:
      return "group_forbidden";
    case KafkaErrorCode::rebalance_in_progress:
      return "rebalance_in_progress";
    case KafkaErrorCode::message_too_large:
      return "message_too_large";
    case KafkaErrorCode::queue_full:
      return "queue_full";
    case KafkaErrorCode::timed_out:
      return "timed_out";
    case KafkaErrorCode::host_not_found:
      return "host_not_found";
    case KafkaErrorCode::tls_failed:
      return "tls_failed";
    case KafkaErrorCode::broker_unreachable:
      return "broker_unreachable";
  }
  return "other";
}

}  // namespace gracedb
