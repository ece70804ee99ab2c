#include "bindings/call.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <stdexcept>

namespace gracedb::python {
namespace {

std::atomic<unsigned> generation{0};

// A month is as good as for ever, and far from any overflow.
constexpr double longest_seconds = 31.0 * 24 * 3600;

/// nanobind's gil_scoped_acquire is noexcept: it would end the process before the thread could stay.
class TakenGil {
 public:
  TakenGil() : state_(in_python([] { return PyGILState_Ensure(); })) {}
  TakenGil(const TakenGil&) = delete;
  TakenGil& operator=(const TakenGil&) = delete;
  ~TakenGil() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

}  // namespace

EnteringPython::~EnteringPython() {
  if (succeeded_ || std::uncaught_exceptions() != exceptions_) return;
  while (true)
    ::pause();
}

void Waiting::check_signals() {
  const TakenGil gil;
  if (in_python([] { return PyErr_CheckSignals() != 0; })) throw nb::python_error();
}

unsigned fork_generation() noexcept {
  static const bool watched = pthread_atfork(nullptr, nullptr, [] { ++generation; }) == 0;
  static_cast<void>(watched);
  return generation.load(std::memory_order_relaxed);
}

std::chrono::milliseconds from_seconds(double seconds) {
  if (std::isnan(seconds)) throw std::invalid_argument("a time-out must be a number of seconds, not NaN");
  if (seconds < 0) return std::chrono::milliseconds(-1);
  return std::chrono::milliseconds(std::llround(std::min(seconds, longest_seconds) * 1000));
}

}  // namespace gracedb::python
