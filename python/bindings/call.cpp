#include "bindings/call.hpp"

#include <pthread.h>

#include <atomic>
#include <cmath>
#include <stdexcept>

namespace gracedb::python {
namespace {

std::atomic<unsigned> generation{0};

// A month is as good as for ever, and far from any overflow.
constexpr double longest_seconds = 31.0 * 24 * 3600;

}  // namespace

void Waiting::check_signals() {
  const nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
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
