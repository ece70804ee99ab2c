#pragma once

#include "supervisor/event_record.hpp"
#include "supervisor/health.hpp"
#include "supervisor/history.hpp"
#include "supervisor/lag.hpp"
#include "supervisor/metrics.hpp"
#include "supervisor/pulse.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {

/// Where the supervisor stands, at a glance.
struct Picture {
  std::map<Outcome, std::uint64_t> settled;           ///< since the start
  std::map<Rejection::Kind, std::uint64_t> rejected;  ///< of those, set aside
  std::uint64_t retries = 0;
  std::size_t in_flight = 0;
  std::size_t in_flight_bytes = 0;
  std::vector<PartitionLag> lag;
  std::optional<std::chrono::system_clock::time_point> token_expiry;
};

/// What is seen of a supervisor from outside: metrics, checks, the last events. Its loop and its uploader
/// write, the status server and the service manager read. Safe to share between threads; whoever writes waits
/// for no reader longer than a copy takes.
class Monitor {
 public:
  Monitor();

  // The loop.
  void turned(std::size_t in_flight, std::size_t in_flight_bytes);
  void settled(const EventRecord& record);
  void set_lag(std::vector<PartitionLag> lag);

  // The uploader.
  void answered(std::chrono::steady_clock::duration duration) { metrics_.observe_upload(duration); }
  void retried(std::string_view cause);
  void set_token_expiry(std::optional<std::chrono::system_clock::time_point> expiry);

  // Both.
  Health& health() noexcept { return health_; }

  // Those who look.
  const Health& health() const noexcept { return health_; }
  History& history() noexcept { return history_; }
  const Pulse& pulse() const noexcept { return pulse_; }
  std::string metrics_text() const { return metrics_.text(); }
  Picture picture() const;

 private:
  Metrics metrics_;
  Health health_;
  History history_;
  Pulse pulse_;
  mutable std::mutex mutex_;
  Picture picture_;
};

}  // namespace gracedb::supervisor
