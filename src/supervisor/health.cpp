#include "supervisor/health.hpp"

#include "core/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gracedb::supervisor {
namespace {

constexpr std::array all_checks{Check::partitions, Check::broker,       Check::gracedb,
                                Check::token,      Check::dead_letters, Check::running};

std::string reason_at_start(Check check) {
  switch (check) {
    case Check::partitions:
      return "the group has not given us our share yet";
    case Check::broker:
      return "the token has not been refused";
    case Check::gracedb:
    case Check::token:
      return "GraceDB has not answered yet";
    case Check::dead_letters:
      return "no dead letters pending";
    case Check::running:
      return "taking messages";
  }
  return {};
}

constexpr bool is_ok_at_start(Check check) noexcept {
  return check == Check::broker || check == Check::dead_letters || check == Check::running;
}

}  // namespace

std::string_view name_of(Check check) noexcept {
  switch (check) {
    case Check::partitions:
      return "partitions";
    case Check::broker:
      return "broker";
    case Check::gracedb:
      return "gracedb";
    case Check::token:
      return "token";
    case Check::dead_letters:
      return "dead_letters";
    case Check::running:
      return "running";
  }
  return "unknown";
}

Health::Health() {
  static_assert(all_checks.size() == number_of_checks);
  const auto now = std::chrono::system_clock::now();
  std::transform(all_checks.begin(), all_checks.end(), states_.begin(), [now](Check check) {
    return CheckState{check, is_ok_at_start(check), reason_at_start(check), now};
  });
}

void Health::set(Check check, bool is_ok, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  CheckState& state = states_[static_cast<std::size_t>(check)];
  if (state.is_ok != is_ok) state.since = std::chrono::system_clock::now();
  state.is_ok = is_ok;
  state.reason = safe_line(reason);
}

bool Health::is_ready() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(states_.begin(), states_.end(), [](const CheckState& state) { return state.is_ok; });
}

std::vector<CheckState> Health::checks() const {
  const std::lock_guard lock(mutex_);
  return {states_.begin(), states_.end()};
}

std::string readiness_text(const std::vector<CheckState>& checks, bool verbose) {
  std::string lines;
  std::string faults;
  for (const CheckState& state : checks) {
    lines += fmt::format("[{}] {}: {}\n", state.is_ok ? '+' : '-', name_of(state.check), state.reason);
    if (!state.is_ok)
      faults += fmt::format("{}{}: {}", faults.empty() ? "" : "; ", name_of(state.check), state.reason);
  }
  const std::string verdict =
      faults.empty() ? std::string("ready\n") : fmt::format("not ready: {}\n", faults);
  return verbose ? lines + (faults.empty() ? "ready\n" : "not ready\n") : verdict;
}

}  // namespace gracedb::supervisor
