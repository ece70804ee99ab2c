#include "supervisor/service_manager.hpp"

#include "core/log.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};
constexpr mode_t readable_by_all = 0644;
constexpr std::chrono::seconds between_status_lines{5};

void complain(std::string_view what, std::string_view where) noexcept {
  logger.warning("{} {}: {}", what, where, std::generic_category().message(errno));
}

}  // namespace

ServiceManager::ServiceManager(std::optional<std::string> socket,
                               std::optional<std::filesystem::path> ready_file,
                               std::optional<std::chrono::microseconds> watchdog)
    : socket_(std::move(socket)), ready_file_(std::move(ready_file)), watchdog_(watchdog) {
  if (ready_file_) ::unlink(ready_file_->c_str());
}

ServiceManager::~ServiceManager() {
  if (ready_file_) ::unlink(ready_file_->c_str());
}

void ServiceManager::ready() noexcept {
  notify("READY=1");
  if (!ready_file_) return;
  const int file = ::open(ready_file_->c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, readable_by_all);
  if (file < 0) return complain("cannot make the ready file", ready_file_->native());
  ::close(file);
}

void ServiceManager::stopping() noexcept { notify("STOPPING=1"); }

void ServiceManager::turned(Clock::time_point now, const std::function<std::string()>& status) noexcept {
  if (!socket_) return;
  if (watchdog_ && now >= next_feeding_) {
    next_feeding_ = now + *watchdog_ / 4;
    notify("WATCHDOG=1", Patience::none);
  }
  if (now < next_status_) return;
  next_status_ = now + between_status_lines;
  try {
    std::string text = status();
    if (text == status_) return;
    notify("STATUS=" + text, Patience::none);
    status_ = std::move(text);
  } catch (const std::exception& fault) {
    logger.warning("cannot tell the status: {}", fault.what());
  }
}

// Without patience a full socket of systemd's is left alone: what is said now is out of date by the next
// time.
void ServiceManager::notify(std::string_view state, Patience patience) const noexcept {
  sockaddr_un address{};
  if (!socket_ || socket_->size() < 2 || socket_->size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::copy(socket_->begin(), socket_->end(), std::begin(address.sun_path));
  if (socket_->front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_->size());
  const int connection = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return complain("cannot notify", *socket_);
  const int flags = MSG_NOSIGNAL | (patience == Patience::none ? MSG_DONTWAIT : 0);
  if (::sendto(connection, state.data(), state.size(), flags, reinterpret_cast<const sockaddr*>(&address),
               size) < 0 &&
      !(patience == Patience::none && errno == EAGAIN)) {
    complain("cannot notify", *socket_);
  }
  ::close(connection);
}

std::optional<std::chrono::microseconds> watchdog_interval(const std::optional<std::string>& microseconds,
                                                           const std::optional<std::string>& process) {
  if (!microseconds || (process && *process != std::to_string(::getpid()))) return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(microseconds->data(), microseconds->data() + microseconds->size(), count);
  return count > 0 ? std::optional(std::chrono::microseconds(count)) : std::nullopt;
}

}  // namespace gracedb::supervisor
