#include "gracedb-kafka/doctor_report.hpp"

#include "gracedb/errors.hpp"

#include "gracedb-kafka/broker_probe.hpp"

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

// What a report writes about a few steps, and how it ends.
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
  programs::SignalWatch signals_{"test", [] { return false; }};
  programs::Context context_;
};

Finding fine() { return {.detail = "as it should be"}; }
Finding missing_topic() { throw ProbeError(ExitCode::topic, "no topic", "Ask for one"); }

TEST(DoctorReport, EndsWellWhereEveryStepDoes) {
  Report report(false);
  report.run([](DoctorReport& doctor) { EXPECT_TRUE(doctor.step("DNS", fine)); });
  EXPECT_EQ(report.code, ExitCode::ok);
  EXPECT_THAT(report.text, HasSubstr("DNS       ok"));
}

TEST(DoctorReport, EndsWithTheFirstFailureAndItsAdvice) {
  Report report(false);
  report.run([](DoctorReport& doctor) {
    EXPECT_FALSE(doctor.step("topic", missing_topic));
    EXPECT_FALSE(doctor.step("GraceDB", []() -> Finding { throw HttpConnectionError("no answer"); }));
  });
  EXPECT_EQ(report.code, ExitCode::topic);
  EXPECT_EQ(report.conclusion, "topic failed: no topic. Ask for one");
  EXPECT_THAT(report.text, AllOf(HasSubstr("topic     FAILED"), HasSubstr("GraceDB   FAILED")));
}

TEST(DoctorReport, SkipsWhatCannotBeTried) {
  Report report(false);
  report.run([](DoctorReport& doctor) {
    EXPECT_FALSE(doctor.step_if(false, "TLS", []() -> Finding {
      ADD_FAILURE() << "the step was tried";
      return {};
    }));
  });
  EXPECT_EQ(report.code, ExitCode::ok);
  EXPECT_THAT(report.text, HasSubstr("TLS       skipped"));
}

TEST(DoctorReport, AdvisesOnFailuresOfTheLibraryToo) {
  Report report(false);
  report.run([](DoctorReport& doctor) {
    doctor.step("SASL", []() -> Finding { throw KafkaAuthenticationError("refused"); });
  });
  EXPECT_EQ(report.code, ExitCode::authentication);
  EXPECT_THAT(report.conclusion, HasSubstr("gracedb-kafka token -v"));
}

TEST(DoctorReport, GivesAWarningThatIsNoFailure) {
  Report report(true);
  report.run([](DoctorReport& doctor) {
    EXPECT_TRUE(doctor.step("TLS", [] { return Finding{.detail = "fine", .warning = "expires soon"}; }));
  });
  EXPECT_EQ(report.code, ExitCode::ok);
  EXPECT_EQ(json::parse(report.text).at("state"), "warning");
  EXPECT_EQ(json::parse(report.text).at("detail"), "fine; expires soon");
}

TEST(DoctorReport, IsOneJsonObjectAStep) {
  Report report(true);
  report.run([](DoctorReport& doctor) {
    doctor.step("DNS", fine);
    doctor.step("topic", missing_topic);
    doctor.skip("GraceDB", "not asked for");
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
