#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace gracedb {

/// Wall-clock time, replaceable in tests.
using WallClock = std::function<std::chrono::system_clock::time_point()>;

/// "2026-11-22 03:04:05 UTC"
std::string format_utc(std::chrono::system_clock::time_point time);

/// How long it is until `deadline`, rounded up; zero once it has passed.
std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace gracedb
