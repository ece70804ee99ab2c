#pragma once

#include "gracedb/interruption.hpp"

#include <chrono>

/// What a call that waits does so that an Interruptible of its thread can end it.
namespace gracedb::interruption {

/// The longest wait between two calls of check().
inline constexpr std::chrono::milliseconds longest_wait{50};

/// True if this thread has an Interruptible.
bool is_possible() noexcept;

/// To be called between waits, outside of locks and C callbacks.
/// @throws whatever the thread's Interruptible throws
void check();

/// `wait`, or as much of it as may pass until check() is due.
std::chrono::milliseconds slice(std::chrono::milliseconds wait) noexcept;

/// Sleeps for `time`.
/// @throws as check()
void sleep_for(std::chrono::milliseconds time);

}  // namespace gracedb::interruption
