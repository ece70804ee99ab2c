#include "bindings/logging.hpp"

#include "gracedb/logging.hpp"

#include "bindings/call.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix

/// Level as in Python's logging, name of the logger, text.
using Line = std::tuple<int, std::string, std::string>;

int python_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return 10;
    case LogLevel::info:
      return 20;
    case LogLevel::warning:
      return 30;
    default:
      return 40;
  }
}

LogLevel library_level(int level) {
  if (level <= 10) return LogLevel::debug;
  if (level <= 20) return LogLevel::info;
  if (level <= 30) return LogLevel::warning;
  return level <= 40 ? LogLevel::error : LogLevel::off;
}

/// "gracedb.kafka" is the logger "gracedb_kafka.kafka" in Python.
std::string python_name(std::string_view logger) {
  constexpr std::string_view prefix = "gracedb.";
  return "gracedb_kafka." + std::string(logger.starts_with(prefix) ? logger.substr(prefix.size()) : logger);
}

class LineQueue {
 public:
  /// Returns the line's number; lines are numbered from 1 on. 0: there was no room for it.
  std::uint64_t push(LogLevel level, std::string_view logger, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() == most_lines) {
      ++dropped_;
      return 0;
    }
    lines_.emplace_back(python_level(level), python_name(logger), std::string(text));
    waiting_ = true;
    arrived_.notify_one();
    return taken_ + lines_.size();
  }

  bool is_empty() const noexcept { return !waiting_.load(std::memory_order_relaxed); }

  /// The number that the next line gets.
  std::uint64_t next() const {
    const std::lock_guard lock(mutex_);
    return taken_ + lines_.size() + 1;
  }

  /// The lines that wait, and whether line `first` has been taken before, where that is not 0.
  std::pair<std::vector<Line>, bool> take(std::uint64_t first) {
    const std::lock_guard lock(mutex_);
    std::vector<Line> lines(std::make_move_iterator(lines_.begin()), std::make_move_iterator(lines_.end()));
    const bool was_taken = first != 0 && first <= taken_;
    taken_ += lines.size();
    lines_.clear();
    waiting_ = false;
    if (dropped_ > 0) {
      lines.emplace_back(
          30, "gracedb_kafka.core",
          std::to_string(std::exchange(dropped_, 0)) + " log lines came too fast and were dropped");
    }
    return {std::move(lines), was_taken};
  }

  /// Waits for lines; false once close() has been called.
  bool wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return closed_ || !lines_.empty(); });
    return !closed_;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_all();
  }

 private:
  static constexpr std::size_t most_lines = 10'000;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Line> lines_;
  std::uint64_t taken_ = 0;
  std::size_t dropped_ = 0;
  bool closed_ = false;
  std::atomic<bool> waiting_{false};
};

// Never destroyed: librdkafka's threads may log until the very end. In the child of a fork() it is made anew
// where it stands: its mutex may be locked, and its condition waited for, by threads that the child does not
// have.
LineQueue& queue() {
  static LineQueue& instance = *[] {
    auto made = std::make_unique<LineQueue>().release();
    pthread_atfork(nullptr, nullptr, [] { std::construct_at(&queue()); });
    return made;
  }();
  return instance;
}

/// The first line that this thread has logged in the call it is in; 0: none.
thread_local std::uint64_t first_of_call = 0;

void note(std::uint64_t line) noexcept {
  if (first_of_call == 0) first_of_call = line;
}

}  // namespace

LoggedByCall::LoggedByCall() noexcept : outer_(std::exchange(first_of_call, 0)) {}

LoggedByCall::~LoggedByCall() {
  const std::uint64_t first = std::exchange(first_of_call, outer_);
  if (first == 0 && queue().is_empty()) return;
  try {
    in_python([first] { nb::module_::import_("gracedb_kafka._log").attr("tell")(first); });
  } catch (nb::python_error& failure) {
    if (failure.matches(PyExc_KeyboardInterrupt)) {
      PyErr_SetInterrupt();  // raised again in the caller
    } else {
      failure.discard_as_unraisable("a log line of gracedb_kafka");
    }
  } catch (...) {  // Out of memory: the lines are lost, the call they tell of is not.
  }
}

void count_from_here_as_logged_by_call() { note(queue().next()); }

void bind_logging(nb::module_& module) {
  set_log_sink([](LogLevel level, std::string_view logger, std::string_view text) {
    note(queue().push(level, logger, text));
  });
  module.def(
      "set_log_level", [](int level) { set_log_level(library_level(level)); }, "level"_a);
  module.def("wait_for_log", [] {
    const ReleasedGil released;
    return queue().wait();
  });
  module.def(
      "take_log_lines", [](std::uint64_t first) { return queue().take(first); }, "first"_a);
  module.def("close_log", [] { queue().close(); });
}

}  // namespace gracedb::python
