#pragma once

#include "supervisor/event_record.hpp"
#include "supervisor/lag.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {

/// What Prometheus is told. Safe to share between threads.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void count(const EventRecord& record);
  void set_in_flight(std::size_t messages, std::size_t bytes) noexcept;
  /// Of the partitions we read; those that are missing are no longer ours.
  void set_lag(const std::vector<PartitionLag>& lag);
  /// GraceDB has answered one try of an upload.
  void observe_upload(std::chrono::steady_clock::duration duration);
  /// An upload is to be tried again. @param cause  one of few: a label's value
  void count_retry(std::string_view cause);
  /// None: there is no token, or one that does not end.
  void set_token_expiry(std::optional<std::chrono::system_clock::time_point> expiry);

  /// In the text format of Prometheus.
  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::supervisor
