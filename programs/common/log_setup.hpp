#pragma once

#include "gracedb/logging.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace gracedb::programs {

enum class LogFormat { text, json };

/// "debug", "info", "warning", "error" or "off".
/// @throws UsageError  another word
LogLevel parse_log_level(std::string_view name);

/// "text" or "json".
/// @throws UsageError  another word
LogFormat parse_log_format(std::string_view name);

/// Sends the log to standard error: text, or one JSON object a line with time, level, logger and message.
void set_up_log(LogLevel level, LogFormat format);

/// Writes one such object with the members of `fields` after those, if the level is one to be written.
void write_json_log(LogLevel level, std::string_view logger, std::string_view message,
                    const nlohmann::ordered_json& fields);

}  // namespace gracedb::programs
