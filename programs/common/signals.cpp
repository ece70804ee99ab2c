#include "common/signals.hpp"

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
#include <system_error>

namespace gracedb::programs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A write under way may take this much longer than the grace, as its reader may be slow.
constexpr milliseconds longest_write{3'000};

int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

}  // namespace

SignalWatch::SignalWatch(std::string program, std::function<bool()> busy)
    : program_(std::move(program)), busy_(std::move(busy)) {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&signals_, signal);
  signal_descriptor_ = checked(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  wake_descriptor_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
  pthread_sigmask(SIG_BLOCK, &signals_, &former_mask_);
  thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_descriptor_, &one, sizeof one);
  thread_.join();
  ::close(signal_descriptor_);
  ::close(wake_descriptor_);
  pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

SignalWatch::Registration::~Registration() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.stop_ = nullptr;
}

SignalWatch::Registration SignalWatch::on_signal(std::function<void()> stop, milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    stop_ = std::move(stop);
    grace_ = grace;
  }
  return Registration(*this);
}

void SignalWatch::set_notice(std::string notice) {
  const std::lock_guard lock(mutex_);
  notice_ = std::move(notice);
}

std::optional<int> SignalWatch::received() const noexcept {
  const int signal = received_.load();
  return signal == 0 ? std::nullopt : std::optional(signal);
}

ExitCode SignalWatch::exit_code() const noexcept { return static_cast<ExitCode>(128 + received_.load()); }

void SignalWatch::watch() {
  std::array<pollfd, 2> events{{{.fd = signal_descriptor_, .events = POLLIN, .revents = 0},
                                {.fd = wake_descriptor_, .events = POLLIN, .revents = 0}}};
  while (true) {
    ::poll(events.data(), events.size(), static_cast<int>(next_look().count()));
    if ((events[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    while (::read(signal_descriptor_, &info, sizeof info) == sizeof info)
      take(static_cast<int>(info.ssi_signo));
    end_if_due();
  }
}

milliseconds SignalWatch::next_look() const {
  if (received_ == 0) return milliseconds(-1);
  const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
  return std::max(left, milliseconds(5));
}

void SignalWatch::take(int signal) {
  const std::lock_guard lock(mutex_);
  if (received_ != 0 || !stop_) end_now(signal);
  received_ = signal;
  deadline_ = steady_clock::now() + grace_;
  stop_();
}

void SignalWatch::end_if_due() {
  if (received_ == 0) return;
  const auto late = steady_clock::now() - deadline_;
  if (late < milliseconds(0) || (busy_() && late < longest_write)) return;
  ::_exit(128 + received_);
}

void SignalWatch::end_now(int signal) const {
  if (received_ == 0) {
    const std::string line = fmt::format("{}: {}\n", program_, notice_);
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  }
  ::_exit(128 + signal);
}

}  // namespace gracedb::programs
