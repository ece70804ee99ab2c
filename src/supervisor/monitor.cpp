#include "supervisor/monitor.hpp"

#include "core/text.hpp"

#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr std::size_t remembered_events = 200;

}  // namespace

Monitor::Monitor() : history_(remembered_events), pulse_(Pulse::Clock::now()) {}

void Monitor::turned(std::size_t in_flight, std::size_t in_flight_bytes) {
  pulse_.turned(Pulse::Clock::now());
  metrics_.set_in_flight(in_flight, in_flight_bytes);
  const std::lock_guard lock(mutex_);
  picture_.in_flight = in_flight;
  picture_.in_flight_bytes = in_flight_bytes;
}

void Monitor::settled(const EventRecord& record) {
  metrics_.count(record);
  {
    const std::lock_guard lock(mutex_);
    ++picture_.settled[record.outcome];
    if (record.rejection) ++picture_.rejected[*record.rejection];
  }
  EventRecord remembered = record;
  remembered.detail = safe_line(record.detail);
  history_.add(std::move(remembered), std::chrono::system_clock::now());
}

void Monitor::set_lag(std::vector<PartitionLag> lag) {
  metrics_.set_lag(lag);
  const std::lock_guard lock(mutex_);
  picture_.lag = std::move(lag);
}

void Monitor::retried(std::string_view cause) {
  metrics_.count_retry(cause);
  const std::lock_guard lock(mutex_);
  ++picture_.retries;
}

void Monitor::set_token_expiry(std::optional<std::chrono::system_clock::time_point> expiry) {
  metrics_.set_token_expiry(expiry);
  const std::lock_guard lock(mutex_);
  picture_.token_expiry = expiry;
}

Picture Monitor::picture() const {
  const std::lock_guard lock(mutex_);
  return picture_;
}

}  // namespace gracedb::supervisor
