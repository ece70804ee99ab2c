#pragma once

#include "sandbox/router.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Failures made on purpose, so that clients can be tested against a bad day.
namespace gracedb::sandbox {

struct Fault {
  enum class Kind {
    status,       ///< answers with an error and does nothing
    slow,         ///< answers later
    hang_up,      ///< cuts the connection and does nothing
    hang,         ///< never answers
    drop_answer,  ///< does the work, then cuts the connection
  };

  Kind kind = Kind::status;
  int status = 503;
  std::optional<int> retry_after;  ///< seconds
  std::chrono::milliseconds delay{0};
  double probability = 1;
  std::optional<Operation> on;             ///< none: every request
  std::optional<std::int64_t> times_left;  ///< none: for ever
  std::string spec;                        ///< as it was given
};

/// What a fault may befall: "reserve", "upload", "create" or "all".
/// @throws std::invalid_argument
std::optional<Operation> parse_fault_target(std::string_view text);

/// Reads WHAT[:PROBABILITY][@TARGET][*TIMES], e.g. "503:0.1", "503+retry-after=1:0.1", "slow=250ms:0.2",
/// "hang-up:0.1", "hang:0.1", "drop-answer:1@upload*2". The probability is 1 where it is left out.
/// @param target  for a spec that names none
/// @throws std::invalid_argument  says what is wrong with the spec
Fault parse_fault(std::string_view spec, std::optional<Operation> target);

/// Decides which request meets which fault. Safe to share between threads.
class FaultPlan {
 public:
  FaultPlan(std::vector<Fault> faults, std::uint64_t seed) : faults_(std::move(faults)), random_(seed) {}

  /// What befalls one request: a delay, and then perhaps one fault more.
  struct Strike {
    std::chrono::milliseconds delay{0};
    std::optional<Fault> fault;
  };
  Strike draw(Operation operation);

  void replace(std::vector<Fault> faults);
  /// Of those that may still happen.
  std::vector<std::string> specs() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::mt19937_64 random_;
};

}  // namespace gracedb::sandbox
