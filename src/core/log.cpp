#include "core/log.hpp"

#include "core/mutex.hpp"
#include "core/redact.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>

namespace gracedb {
namespace {

std::atomic<LogLevel> threshold{LogLevel::warning};

// A shared pointer keeps a replaced sink alive until the calls in progress have returned.
class SinkSlot {
 public:
  std::shared_ptr<const LogSink> get() {
    const MutexLock lock(mutex_);
    return sink_;
  }
  void set(LogSink sink) {
    auto next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
    const MutexLock lock(mutex_);
    sink_ = std::move(next);
  }

 private:
  // Not held while the sink runs.
  Mutex mutex_;
  std::shared_ptr<const LogSink> sink_ GUARDED_BY(mutex_);
};

// Never destroyed: threads of librdkafka may log while static objects are destroyed.
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
    auto created =
        std::make_unique<spdlog::logger>("gracedb", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_level(spdlog::level::debug);
    created->flush_on(spdlog::level::debug);
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
    return created.release();
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
  } catch (...) {  // a failed log line must not fail the operation that it reports
  }
}

}  // namespace log
}  // namespace gracedb
