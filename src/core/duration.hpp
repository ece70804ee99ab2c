#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

/// Parses and formats times and durations.
namespace gracedb {

/// The wall clock, replaceable in tests.
using WallClock = std::function<std::chrono::system_clock::time_point()>;

/// Time until `deadline`, rounded up; zero once it has passed.
std::chrono::milliseconds time_left(std::chrono::steady_clock::time_point deadline) noexcept;

/// Parses "500ms", "10s", "1.5s", "2m" or "2min", "3h", "7d"; a bare number is in seconds.
/// @throws std::invalid_argument  not a duration; the message quotes the text
std::chrono::milliseconds parse_duration(std::string_view text);

/// As parse_duration(), with a leading '-' for a negative duration.
std::chrono::milliseconds parse_signed_duration(std::string_view text);

/// Parses a point in time: RFC 3339 ("2026-11-22T03:04:05Z", optionally with fractions, an offset, or a space
/// instead of the T), a date (its midnight UTC), Unix seconds ("1795316645.5"), or a duration with unit
/// before `now` ("10m"). A time without an offset is UTC.
/// @throws std::invalid_argument  none of these; the message quotes the text
std::chrono::system_clock::time_point parse_time(std::string_view text,
                                                 std::chrono::system_clock::time_point now);

/// Three digits and a unit: "42 us", "3.1 ms", "1.24 s"; from one minute on two units: "2 min 5 s", "3 h 59
/// min", "12 d 4 h".
std::string format_duration(std::chrono::nanoseconds duration);

/// "2026-11-22 03:04:05 UTC", truncated to seconds.
std::string format_utc(std::chrono::system_clock::time_point time);

/// "2026-11-22 03:04:05.123 UTC"
std::string format_timestamp(std::chrono::system_clock::time_point time);

/// "2026-11-22T03:04:05.123Z"
std::string format_rfc3339(std::chrono::system_clock::time_point time);

/// Seconds as a number, for JSON.
inline double to_seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace gracedb
