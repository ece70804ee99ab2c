#include "common/program.hpp"

#include "gracedb/core/errors.hpp"

#include "common/connection.hpp"
#include "support/fake_token.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>

namespace gracedb::programs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// A program with one command, and what it has written.
class TestProgram {
 public:
  explicit TestProgram(Program::Run run = [](Context&) { return ExitCode::ok; })
      : program_({.name = "prog", .description = "Tests.", .footer = "The end.", .other_sections = {}}),
        options_(program_.add_command(
            {.name = "act", .description = "Does something", .footer = "Example: prog act", .log_level = {}},
            std::move(run))) {
    add_connection_options(options_, connection);
  }

  int run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "prog");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code =
        program_.run(static_cast<int>(arguments.size()), arguments.data(),
                     [this](const std::string& name) -> std::optional<std::string> {
                       const auto found = variables.find(name);
                       return found == variables.end() ? std::nullopt : std::optional(found->second);
                     });
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    return code;
  }

  ConnectionOptions connection;
  std::map<std::string, std::string> variables;
  std::string out;
  std::string err;

 private:
  Program program_;
  Options& options_;
};

TEST(Programs, RunTheirCommand) {
  TestProgram program([](Context& context) {
    context.output.line("done");
    return ExitCode::topic;
  });
  EXPECT_EQ(program.run({"act"}), 5);
  EXPECT_EQ(program.out, "done\n");
  EXPECT_EQ(program.err, "");
}

TEST(Programs, ReadFlagEnvironmentAndFile) {
  const test_support::TemporaryDirectory folder;
  const auto path =
      folder.write("c.toml", "bootstrap_servers = \"file:1\"\nca_cert = \"file.pem\"\nno_ssl = true\n");
  TestProgram program;
  program.variables = {{"GRACEDB_KAFKA_BOOTSTRAP_SERVERS", "environment:1"},
                       {"GRACEDB_SERVICE_URL", "https://environment/"},
                       {"GRACEDB_KAFKA_CONFIG", path.string()}};
  EXPECT_EQ(program.run({"act", "-b", "flag:1"}), 0) << program.err;
  EXPECT_EQ(program.connection.bootstrap_servers, "flag:1");
  EXPECT_EQ(program.connection.service_url, "https://environment/");
  EXPECT_EQ(program.connection.ca_cert, "file.pem");
  EXPECT_TRUE(program.connection.no_ssl);
}

TEST(Programs, ReportWrongUseInOneLineWithTheCommandsHelp) {
  TestProgram program;
  EXPECT_EQ(program.run({"act", "--bogus"}), 2);
  EXPECT_THAT(program.err, AllOf(StartsWith("prog: "), HasSubstr("--bogus"), HasSubstr("prog act --help")));
  EXPECT_EQ(std::count(program.err.begin(), program.err.end(), '\n'), 1);
}

TEST(Programs, NameTheirCommandsWhereNoneOrAnUnknownOneIsGiven) {
  TestProgram none;
  EXPECT_EQ(none.run({}), 2);
  EXPECT_THAT(none.err, HasSubstr("One of act"));
  TestProgram unknown;
  EXPECT_EQ(unknown.run({"atc"}), 2);
  EXPECT_THAT(unknown.err, HasSubstr("\"atc\" is no command"));
}

TEST(Programs, ReportFailuresAsJsonWhereResultsAre) {
  TestProgram program([](Context&) -> ExitCode { throw KafkaTopicError("no such topic"); });
  EXPECT_EQ(program.run({"act", "--json"}), 5);
  EXPECT_EQ(nlohmann::json::parse(program.err), nlohmann::json({{"error", "no such topic"}, {"code", 5}}));
  EXPECT_EQ(program.out, "");
}

TEST(Programs, NeverShowAToken) {
  const std::string token = test_support::fake_token({{"sub", "albert"}});
  TestProgram program([&token](Context& context) -> ExitCode {
    note(context, "prog", "found " + token);
    throw KafkaConnectionError("sent " + token);
  });
  EXPECT_EQ(program.run({"act"}), 4);
  EXPECT_THAT(program.err, AllOf(HasSubstr("prog: found [token]"), HasSubstr("prog: sent [token]")));
}

TEST(Programs, EndQuietlyWhereTheReaderHasGone) {
  TestProgram program([](Context&) -> ExitCode { throw BrokenPipe("gone"); });
  EXPECT_EQ(program.run({"act"}), 141);
  EXPECT_EQ(program.err, "");
}

TEST(Programs, SurviveAnyException) {
  TestProgram program([](Context&) -> ExitCode { throw 42; });
  EXPECT_EQ(program.run({"act"}), 1);
  EXPECT_EQ(program.err, "prog: unknown failure\n");
}

TEST(Programs, ShowTheHelpOfACommandOnStandardOutput) {
  TestProgram program;
  EXPECT_EQ(program.run({"act", "--help"}), 0);
  EXPECT_THAT(program.out, AllOf(HasSubstr("Usage: prog act [OPTIONS]"), HasSubstr("$GRACEDB_SERVICE_URL"),
                                 HasSubstr("Example: prog act")));
  EXPECT_EQ(program.err, "");
}

TEST(Programs, ShowTheirVersionsAndThoseOfTheLibraries) {
  TestProgram program;
  EXPECT_EQ(program.run({"--version"}), 0);
  EXPECT_THAT(program.out, AllOf(StartsWith("prog "), HasSubstr("librdkafka "), HasSubstr("libcurl ")));
}

TEST(Programs, MayDoWithoutCommands) {
  Program program({.name = "prog", .description = "Tests.", .footer = "The end.", .other_sections = {}});
  bool ran = false;
  std::string topic;
  program
      .set_main([&](Context&) {
        ran = true;
        return ExitCode::ok;
      })
      .add({.names = "-t,--topic", .target = &topic, .help = "The topic"});
  const std::vector<const char*> arguments{"prog", "-t", "test"};
  EXPECT_EQ(program.run(3, arguments.data()), 0);
  EXPECT_TRUE(ran);
  EXPECT_EQ(topic, "test");
}

}  // namespace
}  // namespace gracedb::programs
