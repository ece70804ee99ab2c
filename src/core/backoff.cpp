#include "core/backoff.hpp"

namespace gracedb {

Backoff::Milliseconds Backoff::next() {
  std::uniform_int_distribution<Milliseconds::rep> spread(0, ceiling_.count());
  const Milliseconds wait(spread(random_));
  ceiling_ = ceiling_ > longest_ / 2 ? longest_ : ceiling_ * 2;
  return wait;
}

}  // namespace gracedb
