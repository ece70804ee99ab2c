#include "core/backoff.hpp"

#include <algorithm>

namespace gracedb {

Backoff::Milliseconds Backoff::next() {
  std::uniform_int_distribution<Milliseconds::rep> spread(0, ceiling_.count());
  const Milliseconds wait(spread(random_));
  ceiling_ = std::min(longest_, ceiling_ * 2);
  return wait;
}

}  // namespace gracedb
