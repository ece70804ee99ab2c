#include "common/program.hpp"

#include "gracedb/errors.hpp"

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

// A program with one command, and its output.
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

TEST(Program, RunsTheCommand) {
  TestProgram program([](Context& context) {
    context.output.line("done");
    return ExitCode::topic;
  });
  EXPECT_EQ(program.run({"act"}), 5);
  EXPECT_EQ(program.out, "done\n");
  EXPECT_EQ(program.err, "");
}

TEST(Program, ReadsCommandLineEnvironmentAndFile) {
  const test_support::TemporaryDirectory directory;
  const auto path =
      directory.write("c.toml", "bootstrap_servers = \"file:1\"\nca_cert = \"file.pem\"\nno_ssl = true\n");
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

TEST(Program, UsageErrorIsOneLineThatNamesTheHelp) {
  TestProgram program;
  EXPECT_EQ(program.run({"act", "--bogus"}), 2);
  EXPECT_THAT(program.err, AllOf(StartsWith("prog: "), HasSubstr("--bogus"), HasSubstr("prog act --help")));
  EXPECT_EQ(std::count(program.err.begin(), program.err.end(), '\n'), 1);
}

TEST(Program, MissingOrUnknownCommandErrorListsCommands) {
  TestProgram none;
  EXPECT_EQ(none.run({}), 2);
  EXPECT_THAT(none.err, HasSubstr("missing command; use one of act"));
  TestProgram unknown;
  EXPECT_EQ(unknown.run({"atc"}), 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown command \"atc\""));
}

// A service with a main function and commands of two words.
class TestService {
 public:
  TestService()
      : program_({.name = "served",
                  .description = "Tests.",
                  .footer = {},
                  .shows_results = false,
                  .is_service = true,
                  .other_sections = {}}) {
    program_.set_main(record("main")).add({.names = "--pause", .target = &pause_, .key = "service.pause"});
    program_
        .add_command({.name = "items list",
                      .description = "Lists",
                      .footer = {},
                      .log_level = {},
                      .shows_results = true,
                      .other_sections = {"service"}},
                     record("list"))
        .add({.names = "ID", .target = &ids});
    program_.add_command({.name = "items drop", .description = "Drops", .footer = {}, .log_level = {}},
                         record("drop"));
  }

  int run(std::vector<const char*> arguments, const std::string& config = {}) {
    arguments.insert(arguments.begin(), "served");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = program_.run(static_cast<int>(arguments.size()), arguments.data(),
                                  [&](const std::string& name) -> std::optional<std::string> {
                                    if (name == "GRACEDB_KAFKA_CONFIG" && !config.empty()) return config;
                                    return std::nullopt;
                                  });
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    return code;
  }

  std::string done;
  std::string out;
  std::string err;
  std::vector<std::string> ids;

 private:
  Program::Run record(const char* name) {
    return [this, name](Context&) {
      done = name;
      return ExitCode::ok;
    };
  }

  Program program_;
  std::chrono::milliseconds pause_{0};
};

TEST(ProgramWithTwoWordCommands, RunsMainWithoutCommand) {
  TestService service;
  EXPECT_EQ(service.run({}), 0);
  EXPECT_EQ(service.done, "main");
}

TEST(ProgramWithTwoWordCommands, RunsTheCommandWithItsArguments) {
  TestService service;
  EXPECT_EQ(service.run({"items", "list", "a", "b", "--json"}), 0) << service.err;
  EXPECT_EQ(service.done, "list");
  EXPECT_THAT(service.ids, testing::ElementsAre("a", "b"));
}

TEST(ProgramWithTwoWordCommands, MissingOrUnknownSecondWordErrorListsCommands) {
  TestService missing;
  EXPECT_EQ(missing.run({"items"}), 2);
  EXPECT_THAT(missing.err, HasSubstr("items list, items drop"));
  TestService unknown;
  EXPECT_EQ(unknown.run({"items", "lost"}), 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown command \"lost\""));
  EXPECT_EQ(unknown.done, "");
}

TEST(ProgramWithTwoWordCommands, RejectsOptionsOfMainWithACommand) {
  for (const auto& arguments : {std::vector<const char*>{"--pause", "1s", "items", "drop"},
                                std::vector<const char*>{"items", "drop", "--pause", "1s"}}) {
    TestService service;
    EXPECT_EQ(service.run(arguments), 2);
    EXPECT_THAT(service.err, HasSubstr("--pause is not an option of served items drop"));
  }
}

TEST(ProgramWithTwoWordCommands, HelpListsCommands) {
  TestService service;
  EXPECT_EQ(service.run({"--help"}), 0);
  EXPECT_THAT(service.out, AllOf(HasSubstr("items list"), HasSubstr("--pause")));
  TestService command;
  EXPECT_EQ(command.run({"items", "list", "--help"}), 0);
  EXPECT_THAT(command.out, AllOf(HasSubstr("Usage: served items list [OPTIONS] [ID...]"),
                                 testing::Not(HasSubstr("--pause"))));
}

TEST(ProgramWithTwoWordCommands, IgnoresTableOfMainOnlyIfConfigured) {
  const test_support::TemporaryDirectory directory;
  const auto path = directory.write("c.toml", "[service]\npause = \"1s\"\n");
  TestService list;
  EXPECT_EQ(list.run({"items", "list"}, path.string()), 0) << list.err;
  TestService drop;
  EXPECT_EQ(drop.run({"items", "drop"}, path.string()), 2);
}

TEST(Program, JsonOptionMakesErrorsJson) {
  TestProgram program([](Context&) -> ExitCode { throw KafkaTopicError("no such topic"); });
  EXPECT_EQ(program.run({"act", "--json"}), 5);
  EXPECT_EQ(nlohmann::json::parse(program.err), nlohmann::json({{"error", "no such topic"}, {"code", 5}}));
  EXPECT_EQ(program.out, "");
}

TEST(Program, RedactsTokens) {
  const std::string token = test_support::fake_token({{"sub", "albert"}});
  TestProgram program([&token](Context& context) -> ExitCode {
    note(context, "prog", "found " + token);
    throw KafkaConnectionError("sent " + token);
  });
  EXPECT_EQ(program.run({"act"}), 4);
  EXPECT_THAT(program.err, AllOf(HasSubstr("prog: found [token]"), HasSubstr("prog: sent [token]")));
}

TEST(Program, BrokenPipeIs141WithoutMessage) {
  TestProgram program([](Context&) -> ExitCode { throw BrokenPipe("gone"); });
  EXPECT_EQ(program.run({"act"}), 141);
  EXPECT_EQ(program.err, "");
}

TEST(Program, UnknownExceptionIs1) {
  TestProgram program([](Context&) -> ExitCode { throw 42; });
  EXPECT_EQ(program.run({"act"}), 1);
  EXPECT_EQ(program.err, "prog: unknown error\n");
}

TEST(Program, PrintsHelpToStandardOutput) {
  TestProgram program;
  EXPECT_EQ(program.run({"act", "--help"}), 0);
  EXPECT_THAT(program.out, AllOf(HasSubstr("Usage: prog act [OPTIONS]"), HasSubstr("$GRACEDB_SERVICE_URL"),
                                 HasSubstr("Example: prog act")));
  EXPECT_EQ(program.err, "");
}

TEST(Program, PrintsVersionsOfProgramAndLibraries) {
  TestProgram program;
  EXPECT_EQ(program.run({"--version"}), 0);
  EXPECT_THAT(program.out, AllOf(StartsWith("prog "), HasSubstr("librdkafka "), HasSubstr("libcurl ")));
}

TEST(Program, WorksWithoutCommands) {
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
