#pragma once

#include <chrono>

/// Waking a thread that waits for messages.
namespace gracedb::kafka {

/// An event that one side sets, from any thread or a signal handler, and the other waits for with poll(2).
class Wake {
 public:
  /// @throws std::system_error  no file descriptor left
  Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake();

  int descriptor() const noexcept { return descriptor_; }
  void set() const noexcept;
  /// True if it was set; it is unset then.
  bool take() const noexcept;

 private:
  int descriptor_;
};

/// While it lives, SIGINT and SIGTERM do nothing but set wake(); the former handlers are put back at its end.
/// Several at a time, on any threads, share the handlers.
class SignalWatch {
 public:
  SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

  /// Readable once a signal has come; stays so while any watch lives.
  static int descriptor() noexcept;
  /// The signal that has come, or 0.
  static int received() noexcept;
};

}  // namespace gracedb::kafka
