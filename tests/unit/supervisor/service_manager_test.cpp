#include "supervisor/service_manager.hpp"

#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

/// What systemd is at its end of the socket.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& name)
      : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), std::begin(address.sun_path));
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket() { ::close(descriptor_); }

  std::vector<std::string> received() const {
    std::vector<std::string> texts;
    std::array<char, 256> text{};
    ssize_t size = 0;
    while ((size = ::recv(descriptor_, text.data(), text.size(), MSG_DONTWAIT)) >= 0) {
      texts.emplace_back(text.data(), static_cast<std::size_t>(size));
    }
    return texts;
  }

 private:
  int descriptor_;
};

TEST(ServiceManager, TellsSystemdWhenReadyAndWhenStopping) {
  const test_support::TemporaryDirectory directory;
  for (const std::string& name :
       {(directory.path() / "notify").native(), "@gracedb-test-" + std::to_string(::getpid())}) {
    const NotifySocket systemd(name);
    ServiceManager manager(name, std::nullopt);
    manager.ready();
    manager.stopping();
    EXPECT_EQ(systemd.received(), (std::vector<std::string>{"READY=1", "STOPPING=1"})) << name;
  }
}

TEST(ServiceManager, MakesTheReadyFileWhileReady) {
  const test_support::TemporaryDirectory directory;
  const auto file = directory.write("ready", "left by an earlier process");
  {
    ServiceManager manager(std::nullopt, file);
    EXPECT_FALSE(std::filesystem::exists(file));
    manager.ready();
    EXPECT_TRUE(std::filesystem::exists(file));
  }
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(ServiceManager, LetsNobodyToTellPass) {
  ServiceManager manager("/nonexistent/notify", "/nonexistent/ready");
  manager.ready();
  manager.stopping();
}

}  // namespace
}  // namespace gracedb::supervisor
