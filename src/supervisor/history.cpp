#include "supervisor/history.hpp"

#include <algorithm>
#include <utility>

namespace gracedb::supervisor {

void History::add(EventRecord record, std::chrono::system_clock::time_point now) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back({++last_, now, std::move(record)});
    if (events_.size() > capacity_) events_.pop_front();
  }
  changed_.notify_all();
}

std::vector<PastEvent> History::after(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto first = std::find_if(events_.begin(), events_.end(),
                                  [number](const PastEvent& event) { return event.number > number; });
  return {first, events_.end()};
}

void History::wait(std::uint64_t number, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return is_closed_ || last_ > number; });
}

void History::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  changed_.notify_all();
}

bool History::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

}  // namespace gracedb::supervisor
