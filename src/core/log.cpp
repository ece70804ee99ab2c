#include "core/log.hpp"

#include "core/redact.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace gracedb {
namespace {

std::atomic<LogLevel> threshold{LogLevel::warning};

// Held as a shared pointer so that a sink being replaced lives until the lines under way are written.
class SinkSlot {
 public:
  std::shared_ptr<const LogSink> get() {
    const std::lock_guard lock(mutex_);
    return sink_;
  }
  void set(LogSink sink) {
    auto next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
    const std::lock_guard lock(mutex_);
    sink_ = std::move(next);
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const LogSink> sink_;
};

// Never destroyed: threads of librdkafka may still log while static objects are being torn down.
SinkSlot& sink_slot() {
  static auto& slot = *std::make_unique<SinkSlot>().release();
  return slot;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::logger& standard_error() {
  static auto& logger = *[] {
    auto made =
        std::make_unique<spdlog::logger>("gracedb", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::debug);
    made->flush_on(spdlog::level::debug);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
    return made.release();
  }();
  return logger;
}

}  // namespace

void set_log_sink(LogSink sink) { sink_slot().set(std::move(sink)); }

void set_log_level(LogLevel level) { threshold = level; }

namespace log {

bool enabled(LogLevel level) noexcept { return level >= threshold.load(std::memory_order_relaxed); }

void write(LogLevel level, std::string_view logger, std::string_view message) noexcept {
  if (!enabled(level)) return;
  try {
    const std::string safe = redact(message);
    if (const auto sink = sink_slot().get()) {
      (*sink)(level, logger, safe);
    } else {
      standard_error().log(to_spdlog(level), "{}: {}", logger, safe);
    }
  } catch (...) {  // A log line that cannot be written must not harm what it reports on.
  }
}

}  // namespace log
}  // namespace gracedb
