#include "kafka/error_text.hpp"

#include "core/redact.hpp"

#include <fmt/format.h>

namespace gracedb::kafka {

bool is_authentication_error(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

bool is_topic_error(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return true;
    default:
      return false;
  }
}

bool is_connection_error(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return true;
    default:
      return false;
  }
}

std::string_view hint_for(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return fresh_token_hint;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "Check the host names in bootstrap_servers";
    case RD_KAFKA_RESP_ERR__SSL:
      return "Check ca_cert_path, and for a development broker skip_hostname_verification";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return "Check bootstrap_servers, the network, and that use_ssl is what the broker expects there";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return "Check the instance name and the pipeline; gracedb-kafka topics lists what is there";
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "The topic has fewer partitions";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "Your token's subject may not use this topic; ask for the permission of its pipeline";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "Your token's subject may not use this group id; choose another or ask for the permission";
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return "The broker did not confirm in time; check that it is up";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "The message is larger than the topic takes; submit so large a file over HTTP";
    default:
      return {};
  }
}

std::string error_text(std::string_view what, rd_kafka_resp_err_t code, std::string_view detail) {
  std::string text = fmt::format("{}: {}", what, rd_kafka_err2str(code));
  if (!detail.empty()) text += fmt::format(" ({})", detail);
  if (const auto hint = hint_for(code); !hint.empty()) text += fmt::format(". {}", hint);
  return redact(text);
}

}  // namespace gracedb::kafka
