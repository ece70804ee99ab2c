#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/backoff.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace gracedb::rest {

/// Retry-After as a time from `now`: a number of seconds or an HTTP date; nothing where it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

/// Decides for one request whether it is tried again, and when.
class RetrySchedule {
 public:
  using Milliseconds = std::chrono::milliseconds;

  explicit RetrySchedule(const RetryPolicy& policy);

  /// How long to wait before trying again after this answer; nothing: give up.
  std::optional<Milliseconds> after_answer(const Response& response);

  /// The same after a failure to connect or to get an answer.
  std::optional<Milliseconds> after_failure();

  int tries() const noexcept { return tries_; }  ///< so far
  Milliseconds elapsed() const;                  ///< since the first

 private:
  bool is_worth_retrying(int status, bool has_retry_after) const;
  std::optional<Milliseconds> next(Milliseconds at_least);

  const RetryPolicy policy_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Backoff backoff_;
  int tries_ = 1;
};

}  // namespace gracedb::rest
