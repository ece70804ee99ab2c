#include "supervisor/service_manager.hpp"

#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

using std::chrono::seconds;

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

TEST(ServiceManager, FeedsTheWatchdogInGoodTimeAndNotOftener) {
  const test_support::TemporaryDirectory directory;
  const std::string name = (directory.path() / "notify").native();
  const NotifySocket systemd(name);
  ServiceManager manager(name, std::nullopt, seconds(20));
  const auto start = ServiceManager::Clock::now();
  for (int second = 0; second < 20; ++second)
    manager.turned(start + seconds(second), [] { return std::string("well"); });
  EXPECT_EQ(systemd.received(), (std::vector<std::string>{"WATCHDOG=1", "STATUS=well", "WATCHDOG=1",
                                                          "WATCHDOG=1", "WATCHDOG=1"}));
}

TEST(ServiceManager, TellsTheStatusWhenItHasChangedEveryFewSeconds) {
  const test_support::TemporaryDirectory directory;
  const std::string name = (directory.path() / "notify").native();
  const NotifySocket systemd(name);
  ServiceManager manager(name, std::nullopt);
  const auto start = ServiceManager::Clock::now();
  int uploaded = 0;
  for (int second = 0; second < 8; ++second) {
    manager.turned(start + seconds(second), [&] { return std::to_string(++uploaded) + " uploaded"; });
  }
  EXPECT_EQ(systemd.received(), (std::vector<std::string>{"STATUS=1 uploaded", "STATUS=2 uploaded"}));
}

TEST(ServiceManager, DoesNotWaitForASystemdThatDoesNotRead) {
  const test_support::TemporaryDirectory directory;
  const std::string name = (directory.path() / "notify").native();
  const NotifySocket systemd(name);
  ServiceManager manager(name, std::nullopt, seconds(1));
  const auto start = ServiceManager::Clock::now();
  for (int second = 0; second < 2'000; ++second)
    manager.turned(start + seconds(second), [] { return std::string("well"); });
  EXPECT_LT(systemd.received().size(), 2'000U);
}

TEST(WatchdogInterval, IsForThisProcessAlone) {
  EXPECT_EQ(watchdog_interval("30000000", std::to_string(::getpid())), std::chrono::microseconds(30'000'000));
  EXPECT_EQ(watchdog_interval("30000000", std::nullopt), std::chrono::microseconds(30'000'000));
  EXPECT_EQ(watchdog_interval("30000000", "1"), std::nullopt);
  EXPECT_EQ(watchdog_interval(std::nullopt, std::nullopt), std::nullopt);
  EXPECT_EQ(watchdog_interval("soon", std::nullopt), std::nullopt);
  EXPECT_EQ(watchdog_interval("0", std::nullopt), std::nullopt);
}

TEST(ServiceManager, LetsNobodyToTellPass) {
  ServiceManager manager("/nonexistent/notify", "/nonexistent/ready");
  manager.ready();
  manager.stopping();
}

}  // namespace
}  // namespace gracedb::supervisor
