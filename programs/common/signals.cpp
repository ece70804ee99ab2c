#include "common/signals.hpp"

#include "common/output.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace gracedb::programs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A write in progress may exceed the grace period by this much, because its reader may be slow.
constexpr milliseconds max_write_time{3'000};

int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

std::string signal_name(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

SignalHandler::SignalHandler(std::string program, std::function<bool()> busy)
    : program_(std::move(program)), busy_(std::move(busy)) {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // A blocked signal reaches signalfd although it is ignored.
    if (!is_ignored(signal)) sigaddset(&signals_, signal);
  }
  signal_descriptor_ = checked(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  wake_descriptor_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
  pthread_sigmask(SIG_BLOCK, &signals_, &previous_mask_);
  thread_ = std::thread([this] { run(); });
}

SignalHandler::~SignalHandler() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_descriptor_, &one, sizeof one);
  thread_.join();
  ::close(signal_descriptor_);
  ::close(wake_descriptor_);
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

SignalHandler::Registration::~Registration() {
  const MutexLock lock(handler_.mutex_);
  handler_.stop_ = nullptr;
}

SignalHandler::Registration SignalHandler::on_signal(std::function<void()> stop, milliseconds grace) {
  {
    const MutexLock lock(mutex_);
    stop_ = std::move(stop);
    grace_ = grace;
  }
  return Registration(*this);
}

void SignalHandler::set_notice(std::string notice) {
  const MutexLock lock(mutex_);
  notice_ = std::move(notice);
}

std::optional<int> SignalHandler::received() const noexcept {
  const int signal = received_.load();
  return signal == 0 ? std::nullopt : std::optional(signal);
}

ExitCode SignalHandler::exit_code() const noexcept { return static_cast<ExitCode>(128 + received_.load()); }

void SignalHandler::run() {
  std::array<pollfd, 2> events{{{.fd = signal_descriptor_, .events = POLLIN, .revents = 0},
                                {.fd = wake_descriptor_, .events = POLLIN, .revents = 0}}};
  while (true) {
    ::poll(events.data(), events.size(), static_cast<int>(poll_timeout().count()));
    if ((events[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    while (::read(signal_descriptor_, &info, sizeof info) == sizeof info)
      handle(static_cast<int>(info.ssi_signo));
    end_if_overdue();
  }
}

milliseconds SignalHandler::poll_timeout() const {
  if (received_ == 0) return milliseconds(-1);
  const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
  return std::max(left, milliseconds(5));
}

void SignalHandler::handle(int signal) {
  const MutexLock lock(mutex_);
  if (received_ != 0 || !stop_) end_now(signal);
  received_ = signal;
  deadline_ = steady_clock::now() + grace_;
  stop_();
}

void SignalHandler::end_if_overdue() {
  if (received_ == 0) return;
  const auto overdue = steady_clock::now() - deadline_;
  if (overdue < milliseconds(0) || (busy_() && overdue < max_write_time)) return;
  ::_exit(128 + received_);
}

void SignalHandler::end_now(int signal) const {
  if (received_ == 0) {
    write_error(fmt::format("{}: stopped by {}{}{}", program_, signal_name(signal),
                            notice_.empty() ? "" : " ", notice_));
  }
  ::_exit(128 + signal);
}

}  // namespace gracedb::programs
