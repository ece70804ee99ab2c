#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// Tells whoever has started this process how it is doing: systemd through $NOTIFY_SOCKET, and a script by a
/// file that appears once we are ready. Nothing to tell is no fault.
class ServiceManager {
 public:
  /// @param socket      the value of $NOTIFY_SOCKET, a path or "@" and an abstract name
  /// @param ready_file  made by ready(), removed by the destructor
  ServiceManager(std::optional<std::string> socket, std::optional<std::filesystem::path> ready_file);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  void ready() noexcept;
  void stopping() noexcept;

 private:
  void notify(std::string_view state) const noexcept;

  std::optional<std::string> socket_;
  std::optional<std::filesystem::path> ready_file_;
};

}  // namespace gracedb::supervisor
