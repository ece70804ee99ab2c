#pragma once

#include "core/mutex.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Fault injection.
namespace gracedb::sandbox {

/// The kinds of API request that a fault can target.
enum class Operation { reserve, upload, create, other };

struct Fault {
  enum class Kind {
    /// Answers with an error status; the request has no effect.
    status,
    /// Delays the answer.
    slow,
    /// Closes the connection; the request has no effect.
    hang_up,
    /// Never answers; the request has no effect.
    hang,
    /// Processes the request, then closes the connection.
    drop_answer,
  };

  Kind kind = Kind::status;
  int status = 503;
  /// Header of a status answer, in seconds.
  std::optional<int> retry_after;
  std::chrono::milliseconds delay{0};
  double probability = 1;
  /// Empty: every request.
  std::optional<Operation> target;
  /// Empty: unlimited.
  std::optional<std::int64_t> times_left;
  /// As it was given.
  std::string spec;
};

/// Parses "reserve", "upload", "create" or "all", which is empty.
/// @throws std::invalid_argument
std::optional<Operation> parse_fault_target(std::string_view text);

/// Parses WHAT[:PROBABILITY][@TARGET][*TIMES], for example "503:0.1", "503+retry-after=1:0.1",
/// "slow=250ms:0.2", "hang-up:0.1", "hang:0.1", "drop-answer:1@upload*2". The default probability is 1.
/// @param target  default target
/// @throws std::invalid_argument  quotes the spec and says what is wrong
Fault parse_fault(std::string_view spec, std::optional<Operation> target);

/// Decides at random which request meets which fault. Thread-safe.
class FaultPlan {
 public:
  FaultPlan(std::vector<Fault> faults, std::uint64_t seed) : faults_(std::move(faults)), random_(seed) {}

  /// The faults of one request: the sum of the delays, and the first other fault that is drawn.
  struct Draw {
    std::chrono::milliseconds delay{0};
    std::optional<Fault> fault;
  };
  Draw draw(Operation operation);

  void replace(std::vector<Fault> faults);
  /// The specs of the faults that can still happen.
  std::vector<std::string> specs() const;

 private:
  mutable Mutex mutex_;
  std::vector<Fault> faults_ GUARDED_BY(mutex_);
  std::mt19937_64 random_ GUARDED_BY(mutex_);
};

}  // namespace gracedb::sandbox
