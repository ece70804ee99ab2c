#include "kafka/wakeup.hpp"

#include "core/mutex.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <system_error>

namespace gracedb::kafka {
namespace {

static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only use lock-free atomics");

std::atomic<int> received_signal{0};
std::atomic<int> signal_descriptor{-1};

/// The handlers that all StopSignals share.
struct SharedHandlers {
  Mutex mutex;
  int users GUARDED_BY(mutex) = 0;
  struct sigaction previous_interrupt GUARDED_BY(mutex) = {};
  struct sigaction previous_terminate GUARDED_BY(mutex) = {};
  std::unique_ptr<WakeupEvent> event GUARDED_BY(mutex);
};

SharedHandlers& shared_handlers() {
  static SharedHandlers instance;
  return instance;
}

void raise_event(int descriptor) noexcept {
  const std::uint64_t one = 1;
  // The only possible error is a full counter, and then the event is set already.
  static_cast<void>(::write(descriptor, &one, sizeof one) == sizeof one);
}

extern "C" void on_signal(int number) {
  const int saved = errno;
  received_signal = number;
  raise_event(signal_descriptor);
  errno = saved;
}

}  // namespace

WakeupEvent::WakeupEvent() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

WakeupEvent::~WakeupEvent() { ::close(descriptor_); }

void WakeupEvent::set() const noexcept { raise_event(descriptor_); }

bool WakeupEvent::take() const noexcept {
  std::uint64_t count = 0;
  return ::read(descriptor_, &count, sizeof count) == sizeof count;
}

StopSignals::StopSignals() {
  SharedHandlers& shared = shared_handlers();
  const MutexLock lock(shared.mutex);
  if (shared.users > 0) {
    ++shared.users;
    return;
  }
  shared.event = std::make_unique<WakeupEvent>();
  shared.users = 1;
  received_signal = 0;
  signal_descriptor = shared.event->descriptor();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &shared.previous_interrupt);
  ::sigaction(SIGTERM, &action, &shared.previous_terminate);
}

StopSignals::~StopSignals() {
  SharedHandlers& shared = shared_handlers();
  const MutexLock lock(shared.mutex);
  if (--shared.users > 0) return;
  ::sigaction(SIGINT, &shared.previous_interrupt, nullptr);
  ::sigaction(SIGTERM, &shared.previous_terminate, nullptr);
  signal_descriptor = -1;
  shared.event.reset();
}

int StopSignals::descriptor() noexcept { return signal_descriptor; }

int StopSignals::received() noexcept { return received_signal; }

}  // namespace gracedb::kafka
