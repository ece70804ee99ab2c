#pragma once

#include <functional>
#include <string_view>

namespace gracedb {

enum class LogLevel { debug, info, warning, error, off };

/// Receives a log line: level, logger ("gracedb.auth", "gracedb.kafka", "gracedb.rest", …), text.
/// Called on any thread, concurrently, also on threads of librdkafka. Must not throw.
using LogSink = std::function<void(LogLevel, std::string_view logger, std::string_view message)>;

/// Sends log lines to `sink` instead of standard error; an empty sink restores standard error.
void set_log_sink(LogSink sink);

/// Drops lines below `level`. Default: warning.
void set_log_level(LogLevel level);

}  // namespace gracedb
