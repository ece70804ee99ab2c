#pragma once

#include "common/program.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// The report of the doctor command, apart from the checks.
namespace gracedb::cli {

/// The result of a check that succeeded.
struct CheckResult {
  std::string detail;
  /// A problem that may cause failures; empty if there is none.
  std::string warning = {};
};

/// Runs the checks, measures their time, and prints each result: one line of text or one JSON object.
class DoctorReport {
 public:
  using Check = std::function<CheckResult()>;

  explicit DoctorReport(programs::Context& context) : context_(context) {}

  /// Runs a check. It fails by throwing; ProbeError also carries the remedy.
  /// @return true if it succeeded
  bool step(std::string_view name, const Check& check);
  /// The same, or skip() if an earlier step failed that this one needs.
  bool step_if(bool possible, std::string_view name, const Check& check);
  void skip(std::string_view name, std::string_view reason);

  /// @throws ProgramError  the first failure, with its remedy
  programs::ExitCode conclude() const;

 private:
  enum class State { ok, warning, failed, skipped };
  struct Line {
    std::string_view name;
    State state;
    std::optional<std::chrono::nanoseconds> time;
    std::string detail;
    std::string advice;
  };
  struct FirstFailure {
    std::string step;
    programs::Failure failure;
    std::string advice;
  };

  void print(const Line& line) const;
  std::string text_of(const Line& line) const;
  static std::string json_of(const Line& line);
  static std::string_view name_of(State state);

  programs::Context& context_;
  std::optional<FirstFailure> first_failure_;
};

}  // namespace gracedb::cli
