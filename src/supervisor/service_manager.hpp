#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// Tells whoever has started this process how it is doing: systemd through $NOTIFY_SOCKET, and a script by a
/// file that appears once we are ready. Nothing to tell is no fault.
class ServiceManager {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param socket      the value of $NOTIFY_SOCKET, a path or "@" and an abstract name
  /// @param ready_file  made by ready(), removed by the destructor
  /// @param watchdog    systemd kills us if it hears nothing for so long
  ServiceManager(std::optional<std::string> socket, std::optional<std::filesystem::path> ready_file,
                 std::optional<std::chrono::microseconds> watchdog = std::nullopt);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  void ready() noexcept;
  void stopping() noexcept;
  /// To be called by the loop whenever it has turned, often enough for the watchdog: at least four times
  /// while it would wait. @param status  makes the line of `systemctl status`; asked every few seconds
  void turned(Clock::time_point now, const std::function<std::string()>& status) noexcept;

 private:
  enum class Patience { wait, none };
  void notify(std::string_view state, Patience patience = Patience::wait) const noexcept;

  std::optional<std::string> socket_;
  std::optional<std::filesystem::path> ready_file_;
  std::optional<std::chrono::microseconds> watchdog_;
  Clock::time_point next_feeding_ = Clock::time_point::min();
  Clock::time_point next_status_ = Clock::time_point::min();
  std::string status_;
};

/// What systemd's variables WATCHDOG_USEC and WATCHDOG_PID say to this process; none where it does not watch.
std::optional<std::chrono::microseconds> watchdog_interval(const std::optional<std::string>& microseconds,
                                                           const std::optional<std::string>& process);

}  // namespace gracedb::supervisor
