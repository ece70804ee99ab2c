#include "gracedb-kafka/doctor.hpp"

#include "gracedb/errors.hpp"

#include "gracedb-kafka/probes.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <sstream>

namespace gracedb::cli {
namespace {

using nlohmann::json;
using programs::ExitCode;
using testing::AllOf;
using testing::HasSubstr;

// The output and the conclusion of a report.
class Report {
 public:
  explicit Report(bool as_json) : context_{output_, style_, options_, signals_, as_json} {}

  void run(const std::function<void(DoctorReport&)>& steps) {
    testing::internal::CaptureStdout();
    DoctorReport report(context_);
    steps(report);
    text = testing::internal::GetCapturedStdout();
    try {
      code = report.conclude();
    } catch (const programs::ProgramError& failure) {
      code = failure.code();
      conclusion = failure.what();
    }
  }

  std::string text;
  ExitCode code = ExitCode::other;
  std::string conclusion;

 private:
  CLI::App app_;
  programs::Options options_{app_};
  programs::Output output_{STDOUT_FILENO};
  programs::Style style_{false};
  programs::SignalHandler signals_{"test", [] { return false; }};
  programs::Context context_;
};

CheckResult fine() { return {.detail = "fine"}; }
CheckResult missing_topic() { throw ProbeError(ExitCode::topic, "no topic", "Ask for one"); }

TEST(DoctorReport, SucceedsIfEveryStepSucceeds) {
  Report report(false);
  report.run([](DoctorReport& doctor) { EXPECT_TRUE(doctor.step("DNS", fine)); });
  EXPECT_EQ(report.code, ExitCode::ok);
  EXPECT_THAT(report.text, HasSubstr("DNS       ok"));
}

TEST(DoctorReport, ConcludesWithFirstFailureAndItsRemedy) {
  Report report(false);
  report.run([](DoctorReport& doctor) {
    EXPECT_FALSE(doctor.step("topic", missing_topic));
    EXPECT_FALSE(doctor.step("GraceDB", []() -> CheckResult { throw HttpConnectionError("no answer"); }));
  });
  EXPECT_EQ(report.code, ExitCode::topic);
  EXPECT_EQ(report.conclusion, "topic failed: no topic. Ask for one");
  EXPECT_THAT(report.text, AllOf(HasSubstr("topic     FAILED"), HasSubstr("GraceDB   FAILED")));
}

TEST(DoctorReport, SkipsStepsAfterAFailure) {
  Report report(false);
  report.run([](DoctorReport& doctor) {
    EXPECT_FALSE(doctor.step_if(false, "TLS", []() -> CheckResult {
      ADD_FAILURE() << "the step was run";
      return {};
    }));
  });
  EXPECT_EQ(report.code, ExitCode::ok);
  EXPECT_THAT(report.text, HasSubstr("TLS       skipped"));
}

TEST(DoctorReport, AddsRemedyToFailuresOfTheLibrary) {
  Report report(false);
  report.run([](DoctorReport& doctor) {
    doctor.step("SASL", []() -> CheckResult { throw KafkaAuthenticationError("refused"); });
  });
  EXPECT_EQ(report.code, ExitCode::authentication);
  EXPECT_THAT(report.conclusion, HasSubstr("gracedb-kafka token -v"));
}

TEST(DoctorReport, WarningIsNotAFailure) {
  Report report(true);
  report.run([](DoctorReport& doctor) {
    EXPECT_TRUE(doctor.step("TLS", [] { return CheckResult{.detail = "fine", .warning = "expires soon"}; }));
  });
  EXPECT_EQ(report.code, ExitCode::ok);
  EXPECT_EQ(json::parse(report.text).at("state"), "warning");
  EXPECT_EQ(json::parse(report.text).at("detail"), "fine; expires soon");
}

TEST(DoctorReport, PrintsOneJsonObjectPerStep) {
  Report report(true);
  report.run([](DoctorReport& doctor) {
    doctor.step("DNS", fine);
    doctor.step("topic", missing_topic);
    doctor.skip("GraceDB", "not configured");
  });
  std::istringstream lines(report.text);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line).at("state"), "ok");
  EXPECT_GE(json::parse(line).at("seconds").get<double>(), 0.0);
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line).at("state"), "failed");
  EXPECT_EQ(json::parse(line).at("advice"), "Ask for one");
  std::getline(lines, line);
  EXPECT_TRUE(json::parse(line).at("seconds").is_null());
}

}  // namespace
}  // namespace gracedb::cli
