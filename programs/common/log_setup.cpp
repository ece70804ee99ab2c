#include "common/log_setup.hpp"

#include "common/exit_code.hpp"
#include "core/duration.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

namespace gracedb::programs {
namespace {

constexpr std::array<std::pair<std::string_view, LogLevel>, 5> levels{{{"debug", LogLevel::debug},
                                                                       {"info", LogLevel::info},
                                                                       {"warning", LogLevel::warning},
                                                                       {"error", LogLevel::error},
                                                                       {"off", LogLevel::off}}};

std::string_view name_of(LogLevel level) {
  for (const auto& [name, value] : levels) {
    if (value == level) return name;
  }
  return "info";
}

void write_json_line(LogLevel level, std::string_view logger, std::string_view message) {
  write_json_log(level, logger, message, nlohmann::ordered_json::object());
}

}  // namespace

LogLevel parse_log_level(std::string_view name) {
  for (const auto& [known, level] : levels) {
    if (name == known) return level;
  }
  throw UsageError(
      fmt::format(R"(the log level must be debug, info, warning, error or off, not "{}")", name));
}

LogFormat parse_log_format(std::string_view name) {
  if (name == "text") return LogFormat::text;
  if (name == "json") return LogFormat::json;
  throw UsageError(fmt::format(R"(the log format must be text or json, not "{}")", name));
}

void set_up_log(LogLevel level, LogFormat format) {
  set_log_level(level);
  set_log_sink(format == LogFormat::json ? LogSink(write_json_line) : LogSink());
}

void write_json_log(LogLevel level, std::string_view logger, std::string_view message,
                    const nlohmann::ordered_json& fields) {
  if (!log::enabled(level)) return;
  nlohmann::ordered_json json{{"time", format_rfc3339(std::chrono::system_clock::now())},
                              {"level", name_of(level)},
                              {"logger", logger},
                              {"message", message}};
  for (const auto& [name, value] : fields.items())
    json[name] = value;
  const std::string line =
      redact(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
  // One write, so that lines of several threads do not mix. A log that cannot be written is no reason to
  // stop.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace gracedb::programs
