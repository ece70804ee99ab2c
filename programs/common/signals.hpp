#pragma once

#include "common/exit_code.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace gracedb::programs {

/// Receives SIGINT, SIGTERM and SIGHUP on a thread of its own, so that what follows a signal is ordinary
/// code. To be made first in main(): threads started later leave these signals to it. SIGPIPE is ignored, as
/// a broken connection is an error and not an end.
///
/// A signal ends the process at once with 128 and its number, unless somebody has asked to be told; then the
/// process has a bounded time to end by itself. A second signal always ends it at once.
class SignalWatch {
 public:
  /// @param program  its name, for the line on standard error
  /// @param busy     true while something is being written that should not be cut off
  SignalWatch(std::string program, std::function<bool()> busy);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Takes its `stop` back when destroyed.
  class Registration {
   public:
    explicit Registration(SignalWatch& watch) : watch_(watch) {}
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    SignalWatch& watch_;
  };

  /// From now on the first signal calls `stop`, on the watching thread, and the process ends at the latest
  /// `grace` later. `stop` must not throw.
  [[nodiscard]] Registration on_signal(std::function<void()> stop, std::chrono::milliseconds grace);

  /// What is said on standard error when a signal ends the process at once; default: "interrupted".
  void set_notice(std::string notice);

  /// The signal received, if any.
  std::optional<int> received() const noexcept;

  /// 128 and the number of the signal received.
  ExitCode exit_code() const noexcept;

 private:
  void watch();
  void take(int signal);
  void end_if_due();
  [[noreturn]] void end_now(int signal) const;
  std::chrono::milliseconds next_look() const;

  std::string program_;
  std::function<bool()> busy_;
  sigset_t signals_{};
  sigset_t former_mask_{};
  int signal_descriptor_ = -1;
  int wake_descriptor_ = -1;

  mutable std::mutex mutex_;
  std::function<void()> stop_;
  std::chrono::milliseconds grace_{0};
  std::string notice_ = "interrupted";

  std::atomic<int> received_{0};
  std::chrono::steady_clock::time_point deadline_;  ///< of the watching thread alone
  std::thread thread_;
};

}  // namespace gracedb::programs
