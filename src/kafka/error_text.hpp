#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <string_view>

/// What librdkafka's error numbers mean to a user of this library.
namespace gracedb::kafka {

inline constexpr std::string_view fresh_token_hint =
    "Obtain a fresh token with: htgettoken -a vault.ligo.org -i igwn";

bool is_authentication_error(rd_kafka_resp_err_t code) noexcept;
bool is_topic_error(rd_kafka_resp_err_t code) noexcept;
bool is_connection_error(rd_kafka_resp_err_t code) noexcept;

/// What to do about it; empty where nothing useful can be said.
std::string_view hint_for(rd_kafka_resp_err_t code) noexcept;

/// "<what>: <librdkafka's description>. <hint>", redacted.
std::string error_text(std::string_view what, rd_kafka_resp_err_t code, std::string_view detail = {});

}  // namespace gracedb::kafka
