#pragma once

#include "gracedb/interruption.hpp"

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

/// What every call from Python into the library goes through.
namespace gracedb::python {

namespace nb = nanobind;

/// What may take the GIL on a thread that is not Python's main one. Once the interpreter ends, Python
/// before 3.14 ends such a thread by unwinding its stack, which C++ frames with destructors and handlers do
/// not survive. So the thread stays here then, until the process ends.
class EnteringPython {
 public:
  EnteringPython() = default;
  EnteringPython(const EnteringPython&) = delete;
  EnteringPython& operator=(const EnteringPython&) = delete;
  ~EnteringPython();

  /// To be called at the end. Where an exception skips it, that is an exception and nothing more.
  void succeeded() noexcept { succeeded_ = true; }

 private:
  int exceptions_ = std::uncaught_exceptions();
  bool succeeded_ = false;
};

/// Runs `call` so.
template <typename Call>
auto in_python(Call&& call) {
  EnteringPython entering;
  if constexpr (std::is_void_v<decltype(call())>) {
    std::forward<Call>(call)();
    entering.succeeded();
  } else {
    auto result = std::forward<Call>(call)();
    entering.succeeded();
    return result;
  }
}

/// While it lives the GIL is released.
class ReleasedGil {
 public:
  ReleasedGil() noexcept : state_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil() {
    in_python([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

/// While it lives the GIL is released, and Ctrl-C (or whatever a Python signal handler raises) ends what
/// waits.
class Waiting {
 public:
  Waiting() : interruptible_(&Waiting::check_signals) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  static void check_signals();

  ReleasedGil gil_;
  Interruptible interruptible_;
};

/// A call, seen from the log: when it ends, the lines that wait are given to Python's loggers, and those it
/// has logged itself have been given to them, by whatever thread. Made and destroyed with the GIL.
class LoggedByCall {
 public:
  LoggedByCall() noexcept;
  LoggedByCall(const LoggedByCall&) = delete;
  LoggedByCall& operator=(const LoggedByCall&) = delete;
  ~LoggedByCall();

 private:
  std::uint64_t outer_;
};

/// For a call that works on another thread: what any thread logs from here on is taken for the call's own.
void count_from_here_as_logged_by_call();

/// Runs `call` without the GIL. What it logs on this thread is told before this returns or throws.
template <typename Call>
auto waiting(Call&& call) {
  const LoggedByCall logged;
  const Waiting released;
  return std::forward<Call>(call)();
}

/// Rises by one in the child of each fork().
unsigned fork_generation() noexcept;

/// Seconds as Python has them; below zero: without end.
std::chrono::milliseconds from_seconds(double seconds);

/// Something with threads and connections, which cannot be used in the child of a fork(): there it is left
/// alone. Made, used and destroyed with the GIL held.
template <typename Type>
class Owned {
 public:
  explicit Owned(std::unique_ptr<Type> object) : object_(std::move(object)) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (is_foreign()) {
      static_cast<void>(object_.release());  // its threads do not exist here: destroying it would hang
    } else if (object_) {
      waiting([this] { object_.reset(); });
    }
  }

  bool is_foreign() const noexcept { return generation_ != fork_generation(); }
  Type& operator*() const noexcept { return *object_; }
  Type* operator->() const noexcept { return object_.get(); }

 private:
  std::unique_ptr<Type> object_;
  unsigned generation_ = fork_generation();
};

}  // namespace gracedb::python
