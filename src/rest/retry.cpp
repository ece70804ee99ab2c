#include "rest/retry.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace gracedb::rest {

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now) {
  using std::chrono::seconds;
  constexpr std::uint32_t most = 10'000'000;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) return seconds(std::min(number, most));
  const std::time_t date = curl_getdate(std::string(value).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const auto wait = std::chrono::ceil<seconds>(std::chrono::system_clock::from_time_t(date) - now);
  return std::clamp(wait, seconds(0), seconds(most));
}

RetrySchedule::RetrySchedule(const RetryPolicy& policy)
    : policy_(policy), backoff_(policy.backoff, policy.longest_wait) {}

std::optional<RetrySchedule::Milliseconds> RetrySchedule::after_answer(const Response& response) {
  std::optional<Milliseconds> retry_after;
  if (const auto header = response.headers.find("retry-after"); header != response.headers.end()) {
    retry_after = parse_retry_after(header->second, std::chrono::system_clock::now());
  }
  if (!is_worth_retrying(response.status, retry_after.has_value())) return std::nullopt;
  return next(retry_after.value_or(Milliseconds(0)));
}

std::optional<RetrySchedule::Milliseconds> RetrySchedule::after_failure() { return next(Milliseconds(0)); }

RetrySchedule::Milliseconds RetrySchedule::elapsed() const {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start_);
}

bool RetrySchedule::is_worth_retrying(int status, bool has_retry_after) const {
  switch (status) {
    case 408:
    case 502:
    case 504:
      return true;
    case 409:
      return policy_.retry_conflict;
    case 429:
    case 503:
      return has_retry_after;
    default:
      return false;
  }
}

std::optional<RetrySchedule::Milliseconds> RetrySchedule::next(Milliseconds at_least) {
  if (tries_ > policy_.tries || at_least > policy_.longest_wait) return std::nullopt;
  const Milliseconds wait = std::min(at_least + backoff_.next(), policy_.longest_wait);
  if (elapsed() + wait > policy_.longest_total) return std::nullopt;
  ++tries_;
  return wait;
}

}  // namespace gracedb::rest
