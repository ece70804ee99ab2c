#pragma once

#include "common/program.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::cli {

/// What a step of the doctor has found where it has not failed.
struct Finding {
  std::string detail;
  std::string warning = {};  ///< not a failure, but worth knowing
};

/// Runs the steps, times them, and shows each as it is done: one line for people, one JSON object for
/// programs.
class DoctorReport {
 public:
  using Look = std::function<Finding()>;

  explicit DoctorReport(programs::Context& context) : context_(context) {}

  /// @return whether it succeeded; a step fails by throwing
  bool step(std::string_view name, const Look& look);
  /// The same, or skipped because an earlier step has failed.
  bool step_if(bool possible, std::string_view name, const Look& look);
  void skip(std::string_view name, std::string_view reason);

  /// @throws ProgramError  the first failure, with the advice
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

  void show(const Line& line) const;
  std::string text_of(const Line& line) const;
  static std::string json_of(const Line& line);
  static std::string_view name_of(State state);
  void remember(std::string_view name, const programs::Failure& failure, const std::string& advice);

  programs::Context& context_;
  std::optional<FirstFailure> first_failure_;
};

}  // namespace gracedb::cli
