#pragma once

#include "gracedb/errors.hpp"
#include "gracedb/interruption.hpp"

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

/// How a call from Python runs in the library: without the GIL, ended by Ctrl-C, safe after fork() and while
/// the interpreter shuts down, with its errors and log lines passed on to Python.
namespace gracedb::python {

namespace nb = nanobind;

/// Guards code that may take the GIL on a thread other than Python's main thread. While the interpreter shuts
/// down, Python before 3.14 ends such a thread by unwinding its stack, which C++ frames with destructors and
/// exception handlers do not survive. The destructor then blocks the thread until the process ends.
class HangIfUnwound {
 public:
  HangIfUnwound() = default;
  HangIfUnwound(const HangIfUnwound&) = delete;
  HangIfUnwound& operator=(const HangIfUnwound&) = delete;
  ~HangIfUnwound();

  /// Call it last. A C++ exception that skips it passes through as usual.
  void succeeded() noexcept { succeeded_ = true; }

 private:
  int exceptions_ = std::uncaught_exceptions();
  bool succeeded_ = false;
};

/// Runs `call` under a HangIfUnwound.
template <typename Call>
auto hang_if_unwound(Call&& call) {
  HangIfUnwound guard;
  if constexpr (std::is_void_v<decltype(call())>) {
    std::forward<Call>(call)();
    guard.succeeded();
  } else {
    auto result = std::forward<Call>(call)();
    guard.succeeded();
    return result;
  }
}

/// Releases the GIL until the end of its block.
class ReleasedGil {
 public:
  ReleasedGil() noexcept : state_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil() {
    hang_if_unwound([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

/// Releases the GIL until the end of its block. About every 0.05 s a waiting call takes it again for a
/// moment: Python runs its signal handlers, and `between_waits` runs. What either raises ends the call.
class InterruptibleWait {
 public:
  explicit InterruptibleWait(std::function<void()> between_waits = {})
      : between_waits_(std::move(between_waits)), interruptible_([this] { run_python(); }) {}
  InterruptibleWait(const InterruptibleWait&) = delete;
  InterruptibleWait& operator=(const InterruptibleWait&) = delete;

 private:
  void run_python() const;

  const std::function<void()> between_waits_;
  ReleasedGil gil_;
  Interruptible interruptible_;
};

/// Passes log lines on to Python's loggers when a call ends. The lines that the call itself logged have been
/// handled when the destructor returns, whichever thread handles them. Create and destroy it with the GIL.
class LoggedCall {
 public:
  LoggedCall() noexcept;
  LoggedCall(const LoggedCall&) = delete;
  LoggedCall& operator=(const LoggedCall&) = delete;
  ~LoggedCall();

 private:
  std::uint64_t outer_;
};

/// For a call that works on another thread: from now on, it owns the log lines of every thread.
void count_all_log_lines_as_own();

/// Runs `call` without the GIL; Ctrl-C ends it. Its log lines are handled before this returns or throws.
/// `between_waits` runs with the GIL about every 0.05 s while `call` waits.
template <typename Call>
auto without_gil(Call&& call, std::function<void()> between_waits = {}) {
  const LoggedCall logged;
  const InterruptibleWait wait(std::move(between_waits));
  return std::forward<Call>(call)();
}

/// Incremented in the child of each fork().
unsigned fork_generation() noexcept;

/// A time-out in seconds, as Python passes it; negative: no time-out.
/// @throws std::invalid_argument  NaN
std::chrono::milliseconds timeout_from(double seconds);

/// Rounds to whole seconds.
/// @throws std::invalid_argument  not finite
std::chrono::seconds whole_seconds(double seconds);

/// Owns an object with threads and connections, which the child of a fork() cannot use or destroy: the child
/// leaks its copy. Create, use and destroy it with the GIL.
template <typename Type>
class ForkGuarded {
 public:
  explicit ForkGuarded(std::unique_ptr<Type> object) : object_(std::move(object)) {}
  ForkGuarded(const ForkGuarded&) = delete;
  ForkGuarded& operator=(const ForkGuarded&) = delete;
  ~ForkGuarded() { reset(); }

  /// Destroys the object, or leaks it in a child process.
  void reset() {
    if (is_inherited()) {
      static_cast<void>(object_.release());  // its threads do not exist in this process: joining would hang
    } else if (object_) {
      without_gil([this] { object_.reset(); });
    }
  }

  /// True in a child process of the one that created the object.
  bool is_inherited() const noexcept { return generation_ != fork_generation(); }
  Type& operator*() const noexcept { return *object_; }
  Type* operator->() const noexcept { return object_.get(); }

 private:
  std::unique_ptr<Type> object_;
  unsigned generation_ = fork_generation();
};

/// The Python exception for an undelivered message, not raised. Call it with the GIL.
nb::object to_python(const KafkaMessageDeliveryError& error);

// Each adds its functions and classes to the extension module.
void bind_errors();
void bind_logging(nb::module_& module);
void bind_clients(nb::module_& module);
void bind_producer(nb::module_& module);
void bind_consumer(nb::module_& module);
void bind_rest(nb::module_& module);

}  // namespace gracedb::python
