#include "supervisor/service_manager.hpp"

#include "core/log.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};
constexpr mode_t readable_by_all = 0644;

void complain(std::string_view what, std::string_view where) noexcept {
  logger.warning("{} {}: {}", what, where, std::generic_category().message(errno));
}

}  // namespace

ServiceManager::ServiceManager(std::optional<std::string> socket,
                               std::optional<std::filesystem::path> ready_file)
    : socket_(std::move(socket)), ready_file_(std::move(ready_file)) {
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

void ServiceManager::notify(std::string_view state) const noexcept {
  sockaddr_un address{};
  if (!socket_ || socket_->size() < 2 || socket_->size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::copy(socket_->begin(), socket_->end(), std::begin(address.sun_path));
  if (socket_->front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_->size());
  const int connection = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return complain("cannot notify", *socket_);
  if (::sendto(connection, state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    complain("cannot notify", *socket_);
  }
  ::close(connection);
}

}  // namespace gracedb::supervisor
