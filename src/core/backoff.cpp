#include "core/backoff.hpp"

namespace gracedb {

std::uint32_t random_seed() {
  thread_local std::mt19937 random{std::random_device{}()};
  return static_cast<std::uint32_t>(random());
}

Backoff::Milliseconds Backoff::next() {
  std::uniform_int_distribution<Milliseconds::rep> spread(0, ceiling_.count());
  const Milliseconds wait(spread(random_));
  ceiling_ = ceiling_ > longest_ / 2 ? longest_ : ceiling_ * 2;
  return wait;
}

}  // namespace gracedb
