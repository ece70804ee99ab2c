#pragma once

#include "gracedb/core/interruption.hpp"

#include <nanobind/nanobind.h>

#include <chrono>
#include <memory>
#include <utility>

/// What every call from Python into the library goes through.
namespace gracedb::python {

namespace nb = nanobind;

/// While it lives the GIL is released, and Ctrl-C (or whatever a Python signal handler raises) ends what
/// waits.
class Waiting {
 public:
  Waiting() : interruptible_(&Waiting::check_signals) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  static void check_signals();

  nb::gil_scoped_release gil_;
  Interruptible interruptible_;
};

/// Gives the lines that the library has logged to Python's loggers. Called with the GIL.
void emit_log_lines() noexcept;

/// Runs `call` without the GIL. What it logs on this thread is told before this returns or throws.
template <typename Call>
auto waiting(Call&& call) {
  struct TellLog {
    TellLog() = default;
    TellLog(const TellLog&) = delete;
    TellLog& operator=(const TellLog&) = delete;
    ~TellLog() { emit_log_lines(); }
  } tell_log;
  const Waiting released;
  return std::forward<Call>(call)();
}

/// Rises by one in the child of each fork().
unsigned fork_generation() noexcept;

/// Seconds as Python has them; below zero: without end.
std::chrono::milliseconds from_seconds(double seconds);

/// Something with threads and connections, which cannot be used in the child of a fork(): there is is left
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
