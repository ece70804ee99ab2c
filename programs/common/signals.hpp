#pragma once

#include "common/exit_code.hpp"
#include "core/mutex.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace gracedb::programs {

/// Receives SIGINT, SIGTERM and SIGHUP on its own thread, where ordinary code may run. Construct it first in
/// main(): it blocks these signals, and threads that start later inherit that. A signal that is ignored at
/// the start stays ignored, as under nohup and for SIGINT in a background job of a script. SIGPIPE is
/// ignored, so that a broken connection is an error instead of the end of the process.
///
/// A signal ends the process immediately with 128 plus its number, unless on_signal() is in effect; then the
/// process has a limited time to end itself. A second signal always ends it immediately.
class SignalHandler {
 public:
  /// @param program  name for the line on standard error
  /// @param busy     true during a write that should be completed
  SignalHandler(std::string program, std::function<bool()> busy);
  ~SignalHandler();
  SignalHandler(const SignalHandler&) = delete;
  SignalHandler& operator=(const SignalHandler&) = delete;

  /// Removes the callback when destroyed.
  class Registration {
   public:
    explicit Registration(SignalHandler& handler) : handler_(handler) {}
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    SignalHandler& handler_;
  };

  /// The first signal calls `stop` on the handler's thread; the process ends `grace` later at the latest.
  /// `stop` must not throw.
  [[nodiscard]] Registration on_signal(std::function<void()> stop, std::chrono::milliseconds grace);

  /// Text that follows "stopped by SIGINT" on standard error if a signal ends the process immediately, e.g.
  /// "before the broker confirmed the message".
  void set_notice(std::string notice);

  /// The signal received, if any.
  std::optional<int> received() const noexcept;

  /// 128 plus the number of the signal received.
  ExitCode exit_code() const noexcept;

 private:
  void run();
  void handle(int signal);
  void end_if_overdue();
  [[noreturn]] void end_now(int signal) const REQUIRES(mutex_);
  std::chrono::milliseconds poll_timeout() const;

  std::string program_;
  std::function<bool()> busy_;
  sigset_t signals_{};
  sigset_t previous_mask_{};
  int signal_descriptor_ = -1;
  int wake_descriptor_ = -1;

  mutable Mutex mutex_;
  std::function<void()> stop_ GUARDED_BY(mutex_);
  std::chrono::milliseconds grace_ GUARDED_BY(mutex_){0};
  std::string notice_ GUARDED_BY(mutex_);

  std::atomic<int> received_{0};
  // Of the handler's thread only.
  std::chrono::steady_clock::time_point deadline_;
  std::thread thread_;
};

/// "SIGTERM"; "signal 42" for a signal without a name.
std::string signal_name(int signal);

}  // namespace gracedb::programs
