#include "core/interruption.hpp"

#include "core/duration.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace gracedb {
namespace {

constexpr std::chrono::milliseconds shortest_interval{25};

thread_local Interruptible* current = nullptr;

}  // namespace

Interruptible::Interruptible(std::function<void()> check)
    : check_(std::move(check)), outer_(std::exchange(current, this)) {}

Interruptible::~Interruptible() { current = outer_; }

void Interruptible::run() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + shortest_interval;
  check_();
}

namespace interruption {

bool is_possible() noexcept { return current != nullptr; }

void check() {
  if (current != nullptr) current->run();
}

std::chrono::milliseconds slice(std::chrono::milliseconds wait) noexcept {
  return current != nullptr ? std::min(wait, longest_wait) : wait;
}

void sleep_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (true) {
    const auto left = time_left(end);
    if (left == std::chrono::milliseconds(0)) return;
    std::this_thread::sleep_for(slice(left));
    check();
  }
}

}  // namespace interruption
}  // namespace gracedb
