#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {

/// What must be well for messages to become complete events.
enum class Check {
  partitions,    ///< the group has given us our share, which may be empty
  broker,        ///< the broker accepts our token
  gracedb,       ///< GraceDB answers
  token,         ///< GraceDB accepts our token
  dead_letters,  ///< dead letters can be written
  running,       ///< we have not been told to stop
};

/// "partitions", "broker", …
std::string_view name_of(Check check) noexcept;

struct CheckState {
  Check check = Check::partitions;
  bool is_ok = false;
  std::string reason;  ///< one line, without tokens
  std::chrono::system_clock::time_point since;
};

/// The state of each check, with its reason. Safe to share between threads.
class Health {
 public:
  Health();

  /// @param reason  for a person; may quote what others have said
  void set(Check check, bool is_ok, std::string_view reason);

  bool is_ready() const;
  std::vector<CheckState> checks() const;

 private:
  static constexpr std::size_t number_of_checks = 6;

  mutable std::mutex mutex_;
  std::array<CheckState, number_of_checks> states_;
};

/// As /readyz and /livez show it: "ready" or "not ready: gracedb: 503 Service Unavailable", or a line for
/// each check.
std::string readiness_text(const std::vector<CheckState>& checks, bool verbose);

}  // namespace gracedb::supervisor
