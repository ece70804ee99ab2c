#pragma once

#include "gracedb/interruption.hpp"

#include <chrono>

/// For blocking calls: lets an Interruptible of their thread end them.
namespace gracedb::interruption {

/// Longest wait between two calls of check().
inline constexpr std::chrono::milliseconds longest_wait{50};

/// True if this thread has an Interruptible.
bool is_possible() noexcept;

/// Runs the check of the thread's Interruptible. Call it between waits, without a lock, not in a C callback.
/// @throws what the check throws
void check();

/// `wait`, limited to longest_wait if this thread has an Interruptible.
std::chrono::milliseconds slice(std::chrono::milliseconds wait) noexcept;

/// Sleeps for `time`.
/// @throws as check()
void sleep_for(std::chrono::milliseconds time);

}  // namespace gracedb::interruption
