#include "gracedb-kafka/doctor_report.hpp"

#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/broker_probe.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gracedb::cli {
namespace {

using programs::ExitCode;
using programs::Failure;

// For failures that the library has put into words; those of connections tell what to do by themselves.
std::string advice_for(ExitCode code) {
  switch (code) {
    case ExitCode::authentication:
      return "\"gracedb-kafka token -v\" shows the token and where it was found";
    case ExitCode::topic:
      return "\"gracedb-kafka topics --all\" lists what the broker shows to this token";
    default:
      return {};
  }
}

std::string advice_of(const std::exception_ptr& error, ExitCode code) {
  try {
    std::rethrow_exception(error);
  } catch (const ProbeError& probe) {
    return probe.advice();
  } catch (...) {
    return advice_for(code);
  }
}

}  // namespace

bool DoctorReport::step(std::string_view name, const Look& look) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] { return std::chrono::steady_clock::now() - start; };
  Finding finding;
  try {
    finding = look();
  } catch (const std::exception&) {
    const auto error = std::current_exception();
    const Failure failure = programs::describe(error);
    const std::string advice = advice_of(error, failure.code);
    remember(name, failure, advice);
    show({name, State::failed, elapsed(), failure.message, advice});
    return false;
  }
  const bool warned = !finding.warning.empty();
  const std::string detail = warned ? fmt::format("{}; {}", finding.detail, finding.warning) : finding.detail;
  show({name, warned ? State::warning : State::ok, elapsed(), detail, {}});
  return true;
}

bool DoctorReport::step_if(bool possible, std::string_view name, const Look& look) {
  if (possible) return step(name, look);
  skip(name, "as an earlier step has failed");
  return false;
}

void DoctorReport::skip(std::string_view name, std::string_view reason) {
  show({name, State::skipped, std::nullopt, std::string(reason), {}});
}

ExitCode DoctorReport::conclude() const {
  if (!first_failure_) return ExitCode::ok;
  const auto& [step, failure, advice] = *first_failure_;
  std::string text = fmt::format("{} failed: {}", step, failure.message);
  if (!advice.empty() && text.find(advice) == std::string::npos) text += ". " + advice;
  throw programs::ProgramError(failure.code, text);
}

void DoctorReport::remember(std::string_view name, const Failure& failure, const std::string& advice) {
  if (!first_failure_) first_failure_ = FirstFailure{std::string(name), failure, advice};
}

void DoctorReport::show(const Line& line) const {
  context_.output.line(context_.json ? json_of(line) : text_of(line));
}

std::string_view DoctorReport::name_of(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::warning:
      return "warning";
    case State::failed:
      return "FAILED";
    case State::skipped:
      return "skipped";
  }
  return "?";
}

std::string DoctorReport::text_of(const Line& line) const {
  const auto& style = context_.style;
  const std::string mark = fmt::format("{:<7}", name_of(line.state));
  const std::string painted = line.state == State::ok        ? style.green(mark)
                              : line.state == State::failed  ? style.red(mark)
                              : line.state == State::warning ? style.yellow(mark)
                                                             : style.dim(mark);
  const std::string time = line.time ? format_duration(*line.time) : "";
  return fmt::format("{:<8}  {}  {:>7}  {}", line.name, painted, time, printable_line(line.detail));
}

std::string DoctorReport::json_of(const Line& line) {
  nlohmann::ordered_json json{{"step", line.name},
                              {"state", line.state == State::failed ? "failed" : name_of(line.state)},
                              {"seconds", nullptr},
                              {"detail", line.detail}};
  if (line.time) json["seconds"] = to_seconds(*line.time);
  if (!line.advice.empty()) json["advice"] = line.advice;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace gracedb::cli
