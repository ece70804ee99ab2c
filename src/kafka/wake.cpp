#include "kafka/wake.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <system_error>

namespace gracedb::kafka {
namespace {

static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only use lock-free atomics");

std::atomic<int> received_signal{0};
std::atomic<int> signal_descriptor{-1};

struct Watches {
  std::mutex mutex;
  int count = 0;
  struct sigaction former_interrupt {};
  struct sigaction former_terminate {};
  std::unique_ptr<Wake> wake;
};

Watches& watches() {
  static Watches instance;
  return instance;
}

void raise_event(int descriptor) noexcept {
  const std::uint64_t one = 1;
  // Full means set already; nothing else can go wrong with an eventfd.
  static_cast<void>(::write(descriptor, &one, sizeof one) == sizeof one);
}

extern "C" void on_signal(int number) {
  const int saved = errno;
  received_signal = number;
  raise_event(signal_descriptor);
  errno = saved;
}

}  // namespace

Wake::Wake() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wake::~Wake() { ::close(descriptor_); }

void Wake::set() const noexcept { raise_event(descriptor_); }

bool Wake::take() const noexcept {
  std::uint64_t count = 0;
  return ::read(descriptor_, &count, sizeof count) == sizeof count;
}

SignalWatch::SignalWatch() {
  Watches& all = watches();
  const std::lock_guard lock(all.mutex);
  if (all.count++ > 0) return;
  all.wake = std::make_unique<Wake>();
  received_signal = 0;
  signal_descriptor = all.wake->descriptor();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &all.former_interrupt);
  ::sigaction(SIGTERM, &action, &all.former_terminate);
}

SignalWatch::~SignalWatch() {
  Watches& all = watches();
  const std::lock_guard lock(all.mutex);
  if (--all.count > 0) return;
  ::sigaction(SIGINT, &all.former_interrupt, nullptr);
  ::sigaction(SIGTERM, &all.former_terminate, nullptr);
  signal_descriptor = -1;
  all.wake.reset();
}

int SignalWatch::descriptor() noexcept { return signal_descriptor; }

int SignalWatch::received() noexcept { return received_signal; }

}  // namespace gracedb::kafka
