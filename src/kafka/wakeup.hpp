#pragma once

/// Interrupts a thread that waits for messages.
namespace gracedb::kafka {

/// An event that any thread or signal handler sets, and that another thread waits for with poll(2).
class WakeupEvent {
 public:
  /// @throws std::system_error  no file descriptor left
  WakeupEvent();
  WakeupEvent(const WakeupEvent&) = delete;
  WakeupEvent& operator=(const WakeupEvent&) = delete;
  ~WakeupEvent();

  int descriptor() const noexcept { return descriptor_; }
  void set() const noexcept;
  /// Resets the event. Returns true if it was set.
  bool take() const noexcept;

 private:
  int descriptor_;
};

/// Replaces the handlers of SIGINT and SIGTERM while it lives: the signals only set an event. Objects on any
/// threads share the handlers; the last one restores the previous handlers.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Readable from the first signal on, as long as any object lives; -1 without one.
  static int descriptor() noexcept;
  /// The last signal received, or 0.
  static int received() noexcept;
};

}  // namespace gracedb::kafka
