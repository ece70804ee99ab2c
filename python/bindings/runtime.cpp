#include "bindings/runtime.hpp"

#include "gracedb/logging.hpp"

#include "core/mutex.hpp"

#include <librdkafka/rdkafka.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <deque>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix

// ---- the GIL, signals and fork()

std::atomic<unsigned> forks{0};

/// nanobind's gil_scoped_acquire is noexcept, so that unwinding would abort before HangIfUnwound blocks.
class AcquiredGil {
 public:
  AcquiredGil() : state_(hang_if_unwound([] { return PyGILState_Ensure(); })) {}
  AcquiredGil(const AcquiredGil&) = delete;
  AcquiredGil& operator=(const AcquiredGil&) = delete;
  ~AcquiredGil() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

// ---- errors

/// The number that confluent_kafka.KafkaError.code() has for such an error.
int librdkafka_code(KafkaErrorCode code) {
  switch (code) {
    case KafkaErrorCode::other:
      return 0;
    case KafkaErrorCode::authentication_failed:
      return RD_KAFKA_RESP_ERR__AUTHENTICATION;
    case KafkaErrorCode::topic_not_found:
      return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    case KafkaErrorCode::topic_forbidden:
      return RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    case KafkaErrorCode::partition_not_found:
      return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    case KafkaErrorCode::group_forbidden:
      return RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    case KafkaErrorCode::rebalance_in_progress:
      return RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    case KafkaErrorCode::message_too_large:
      return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    case KafkaErrorCode::queue_full:
      return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    case KafkaErrorCode::timed_out:
      return RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
    case KafkaErrorCode::host_not_found:
      return RD_KAFKA_RESP_ERR__RESOLVE;
    case KafkaErrorCode::tls_failed:
      return RD_KAFKA_RESP_ERR__SSL;
    case KafkaErrorCode::broker_unreachable:
      return RD_KAFKA_RESP_ERR__TRANSPORT;
  }
  return 0;
}

/// The C part of call_python(). It owns references in plain pointers: an unwound thread must not release them, as it
/// does not hold the GIL.
PyObject* call_with_stolen_arguments(const char* module_name, const char* function_name,
                                     PyObject* arguments) {
  PyObject* const module = PyImport_ImportModule(module_name);
  PyObject* const function = module == nullptr ? nullptr : PyObject_GetAttrString(module, function_name);
  PyObject* const result = function == nullptr ? nullptr : PyObject_CallObject(function, arguments);
  Py_XDECREF(module);
  Py_XDECREF(function);
  Py_DECREF(arguments);
  return result;
}

/// Calls a function of a Python module.
/// @throws nb::python_error
nb::object call_python(const char* module, const char* function, nb::tuple arguments) {
  PyObject* const result = hang_if_unwound([module, function, stolen = arguments.release().ptr()] {
    return call_with_stolen_arguments(module, function, stolen);
  });
  if (result == nullptr) throw nb::python_error();
  return nb::steal(result);
}

nb::object kafka_error(const char* name, const KafkaError& error, bool may_have_arrived = false) {
  return call_python("gracedb_kafka.kafka.exceptions", "_from_core",
                     nb::make_tuple(name, error.what(), librdkafka_code(error.code()), error.is_retriable(),
                                    error.is_fatal(), may_have_arrived));
}

nb::object rest_error(const char* name, const std::exception& error) {
  return call_python("gracedb_kafka.exceptions", "_from_core", nb::make_tuple(name, error.what()));
}

nb::object http_error(const HttpError& error) {
  return call_python("gracedb_kafka.exceptions", "_http_error_from_core",
                     nb::make_tuple(error.what(), error.status(), error.reason(), error.headers(),
                                    nb::bytes(error.body().data(), error.body().size())));
}

/// The Python exception for a C++ one of the library; rethrows any other.
nb::object translate(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const KafkaMessageDeliveryError& error) {
    return to_python(error);
  } catch (const KafkaProducerError& error) {
    return kafka_error("KafkaProducerError", error);
  } catch (const KafkaTokenError& error) {
    return kafka_error("KafkaTokenError", error);
  } catch (const KafkaAuthenticationError& error) {
    return kafka_error("KafkaAuthenticationError", error);
  } catch (const KafkaConsumerError& error) {
    return kafka_error("KafkaConsumerError", error);
  } catch (const KafkaConnectionError& error) {
    return kafka_error("KafkaConnectionError", error);
  } catch (const KafkaError& error) {
    return kafka_error("KafkaError", error);
  } catch (const HttpError& error) {
    return http_error(error);
  } catch (const HttpConnectionError& error) {
    return rest_error("HTTPConnectionError", error);
  } catch (const CredentialError& error) {
    return rest_error("CredentialError", error);
  }
}

// ---- log lines

/// Level as in Python's logging, name of the logger, text.
using Line = std::tuple<int, std::string, std::string>;

constexpr int python_warning = 30;

int python_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return 10;
    case LogLevel::info:
      return 20;
    case LogLevel::warning:
      return python_warning;
    default:
      return 40;
  }
}

LogLevel library_level(int level) {
  if (level <= 10) return LogLevel::debug;
  if (level <= 20) return LogLevel::info;
  if (level <= python_warning) return LogLevel::warning;
  return level <= 40 ? LogLevel::error : LogLevel::off;
}

/// "gracedb.kafka" is the logger "gracedb_kafka.kafka" in Python.
std::string python_name(std::string_view logger) {
  constexpr std::string_view prefix = "gracedb.";
  return "gracedb_kafka." + std::string(logger.starts_with(prefix) ? logger.substr(prefix.size()) : logger);
}

/// Log lines of every thread until a Python thread takes them. A thread of librdkafka, which must not wait
/// for the GIL, only appends. Lines are numbered from 1.
class LogQueue {
 public:
  /// @return the number of the line; 0 if the queue is full
  std::uint64_t push(LogLevel level, std::string_view logger, std::string_view text) {
    const MutexLock lock(mutex_);
    if (lines_.size() == max_lines) {
      ++dropped_;
      return 0;
    }
    lines_.emplace_back(python_level(level), python_name(logger), std::string(text));
    has_lines_ = true;
    changed_.notify_one();
    return taken_ + lines_.size();
  }

  bool is_empty() const noexcept { return !has_lines_.load(std::memory_order_relaxed); }

  /// The number of the next line.
  std::uint64_t next() const {
    const MutexLock lock(mutex_);
    return taken_ + lines_.size() + 1;
  }

  /// The queued lines, and whether another call took line `first` before (false if `first` is 0).
  std::pair<std::vector<Line>, bool> take(std::uint64_t first) {
    const MutexLock lock(mutex_);
    std::vector<Line> lines(std::make_move_iterator(lines_.begin()), std::make_move_iterator(lines_.end()));
    const bool was_taken = first != 0 && first <= taken_;
    taken_ += lines.size();
    lines_.clear();
    has_lines_ = false;
    if (dropped_ > 0) {
      lines.emplace_back(python_warning, "gracedb_kafka.core",
                         "log queue full; lines dropped: " + std::to_string(std::exchange(dropped_, 0)));
    }
    return {std::move(lines), was_taken};
  }

  /// Waits for lines. @return false after close()
  bool wait() {
    const MutexLock lock(mutex_);
    while (!closed_ && lines_.empty())
      changed_.wait(mutex_);
    return !closed_;
  }

  void close() {
    const MutexLock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  static constexpr std::size_t max_lines = 10'000;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Line> lines_ GUARDED_BY(mutex_);
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
  std::size_t dropped_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> has_lines_{false};
};

// Never destroyed: librdkafka's threads may log until the process ends. The child of a fork() constructs it
// again in place, because threads that the child does not have may hold its mutex or wait for its condition.
LogQueue& log_queue() {
  static LogQueue& instance = *[] {
    auto queue = std::make_unique<LogQueue>().release();
    pthread_atfork(nullptr, nullptr, [] { std::construct_at(&log_queue()); });
    return queue;
  }();
  return instance;
}

/// The first line of the current call on this thread; 0: none yet.
thread_local std::uint64_t first_line_of_call = 0;

void note_line(std::uint64_t line) noexcept {
  if (first_line_of_call == 0) first_line_of_call = line;
}

}  // namespace

HangIfUnwound::~HangIfUnwound() {
  if (succeeded_ || std::uncaught_exceptions() != exceptions_) return;
  while (true)
    ::pause();
}

void InterruptibleWait::run_python() const {
  const AcquiredGil gil;
  if (hang_if_unwound([] { return PyErr_CheckSignals() != 0; })) throw nb::python_error();
  if (between_waits_) between_waits_();
}

unsigned fork_generation() noexcept {
  static const bool is_watched = pthread_atfork(nullptr, nullptr, [] { ++forks; }) == 0;
  static_cast<void>(is_watched);
  return forks.load(std::memory_order_relaxed);
}

std::chrono::milliseconds timeout_from(double seconds) {
  constexpr double max_seconds = 31.0 * 24 * 3600;  // longer than any caller waits, and far from an overflow
  if (std::isnan(seconds)) throw std::invalid_argument("a time-out must be a number of seconds, not NaN");
  if (seconds < 0) return std::chrono::milliseconds(-1);
  return std::chrono::milliseconds(std::llround(std::min(seconds, max_seconds) * 1000));
}

std::chrono::seconds whole_seconds(double seconds) {
  if (!std::isfinite(seconds)) throw std::invalid_argument("a number of seconds must be finite");
  return std::chrono::seconds(std::llround(seconds));
}

nb::object to_python(const KafkaMessageDeliveryError& error) {
  const bool is_topic_error = dynamic_cast<const KafkaTopicError*>(&error) != nullptr;
  return kafka_error(is_topic_error ? "KafkaTopicError" : "KafkaMessageDeliveryError", error,
                     error.may_have_arrived());
}

void bind_errors() {
  nb::register_exception_translator([](const std::exception_ptr& exception, void*) {
    hang_if_unwound([&] {
      const nb::object error = translate(exception);
      PyErr_SetObject(error.type().ptr(), error.ptr());
    });
  });
}

LoggedCall::LoggedCall() noexcept : outer_(std::exchange(first_line_of_call, 0)) {}

LoggedCall::~LoggedCall() {
  const std::uint64_t first = std::exchange(first_line_of_call, outer_);
  if (first == 0 && log_queue().is_empty()) return;
  try {
    call_python("gracedb_kafka._log", "pass_on", nb::make_tuple(first));
  } catch (nb::python_error& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) {
      PyErr_SetInterrupt();  // Python raises it again in the caller
    } else {
      error.discard_as_unraisable("a log line of gracedb_kafka");
    }
  } catch (...) {
    // Out of memory: the log lines are lost, but the call succeeded.
  }
}

void count_all_log_lines_as_own() { note_line(log_queue().next()); }

void bind_logging(nb::module_& module) {
  set_log_sink([](LogLevel level, std::string_view logger, std::string_view text) {
    note_line(log_queue().push(level, logger, text));
  });
  module.def(
      "set_log_level", [](int level) { set_log_level(library_level(level)); }, "level"_a);
  module.def("wait_for_log_lines", [] {
    const ReleasedGil released;
    return log_queue().wait();
  });
  module.def(
      "take_log_lines", [](std::uint64_t first) { return log_queue().take(first); }, "first"_a);
  module.def("close_log", [] { log_queue().close(); });
}

}  // namespace gracedb::python
