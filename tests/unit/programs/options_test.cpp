#include "common/options.hpp"

#include "common/exit_code.hpp"
#include "support/temporary_directory.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::programs {
namespace {

using namespace std::chrono_literals;
using test_support::TemporaryDirectory;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Options of every type, and the three places they are read from.
class Settings {
 public:
  Settings() {
    options.add({.names = "-n,--name", .target = &name, .key = "name"});
    options.add({.names = "--on", .target = &on, .key = "on"});
    options.add({.names = "--pause", .target = &pause, .key = "pause"});
    options.add({.names = "--count", .target = &count, .key = "count"});
    options.add({.names = "--list", .target = &list, .key = "list"});
    options.add({.names = "-X,--property", .target = &properties, .key = "properties"});
    options.add({.names = "-H", .target = &headers});
    options.add({.names = "--url", .target = &url, .key = "url", .environment = "GRACEDB_SERVICE_URL"});
    options.add({.names = "--wait", .target = &wait, .implicit = "60s"});
    options.add({.names = "--kind", .target = &kind, .key = "kind", .choices = {"red", "green"}});
    options.add({.names = "-v,--verbose", .target = &verbose});
    options.add({.names = "FILE", .target = &file});
  }

  Settings& flags(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(arguments);
    return *this;
  }
  Settings& variable(const std::string& variable_name, const std::string& value) {
    variables[variable_name] = value;
    return *this;
  }
  Settings& file_text(const std::string& text) {
    config = ConfigFile::read(folder.write("config.toml", text));
    return *this;
  }
  Settings& resolve() {
    options.resolve(config,
                    [this](const std::string& key) -> std::optional<std::string> {
                      const auto found = variables.find(key);
                      return found == variables.end() ? std::nullopt : std::optional(found->second);
                    },
                    {"supervisor"});
    return *this;
  }
  std::string fault() {
    try {
      resolve();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no fault";
  }

  CLI::App app;
  Options options{app};
  TemporaryDirectory folder;
  ConfigFile config;
  std::map<std::string, std::string> variables;

  std::string name = "default";
  bool on = false;
  std::chrono::milliseconds pause{1s};
  std::optional<std::uint32_t> count;
  std::vector<std::string> list;
  std::map<std::string, std::string> properties;
  NamedValues headers;
  std::optional<std::string> url;
  std::optional<std::chrono::milliseconds> wait;
  std::string kind = "red";
  Repeated verbose;
  std::string file;
};

TEST(Options, KeepTheirDefaultWhereNobodySaysOtherwise) {
  Settings settings;
  settings.flags({}).resolve();
  EXPECT_EQ(settings.name, "default");
  EXPECT_EQ(settings.options.source("name"), Source::none);
}

TEST(Options, TakeTheFileBeforeTheDefault) {
  Settings settings;
  settings.flags({}).file_text("name = \"file\"").resolve();
  EXPECT_EQ(settings.name, "file");
  EXPECT_EQ(settings.options.source("name"), Source::file);
}

TEST(Options, TakeTheEnvironmentBeforeTheFile) {
  Settings settings;
  settings.flags({}).file_text("name = \"file\"").variable("GRACEDB_KAFKA_NAME", "environment").resolve();
  EXPECT_EQ(settings.name, "environment");
  EXPECT_EQ(settings.options.source("name"), Source::environment);
}

TEST(Options, TakeTheFlagBeforeTheEnvironment) {
  Settings settings;
  settings.flags({"--name", "flag"})
      .file_text("name = \"file\"")
      .variable("GRACEDB_KAFKA_NAME", "environment")
      .resolve();
  EXPECT_EQ(settings.name, "flag");
  EXPECT_EQ(settings.options.source("name"), Source::command_line);
}

TEST(Options, MergeAMapEntryByEntryInTheSameOrder) {
  Settings settings;
  settings.flags({"-X", "c=flag"})
      .file_text("[properties]\na = \"file\"\n\"b.b\" = \"file\"\nc = \"file\"\nlinger.ms = 5\n")
      .variable("GRACEDB_KAFKA_PROPERTIES", "b.b=environment;c=environment")
      .resolve();
  EXPECT_THAT(settings.properties, ElementsAre(Pair("a", "file"), Pair("b.b", "environment"),
                                               Pair("c", "flag"), Pair("linger.ms", "5")));
}

TEST(Options, ReplaceAList) {
  Settings settings;
  settings.flags({}).file_text(R"(list = ["a", "b"])").variable("GRACEDB_KAFKA_LIST", "c,d").resolve();
  EXPECT_THAT(settings.list, ElementsAre("c", "d"));
}

TEST(Options, MayHaveAnEnvironmentVariableOfAnotherName) {
  Settings settings;
  settings.flags({})
      .variable("GRACEDB_SERVICE_URL", "https://a/")
      .variable("GRACEDB_KAFKA_URL", "x")
      .resolve();
  EXPECT_EQ(settings.url, "https://a/");
}

TEST(Options, LetAFlagBeSwitchedOffAgain) {
  Settings settings;
  settings.flags({"--on=false"}).variable("GRACEDB_KAFKA_ON", "yes").resolve();
  EXPECT_FALSE(settings.on);
}

TEST(Options, ReadEveryTypeFromTheFile) {
  Settings settings;
  settings.flags({})
      .file_text("on = true\npause = \"250ms\"\ncount = 3\nlist = [\"a\"]\nkind = \"green\"")
      .resolve();
  EXPECT_TRUE(settings.on);
  EXPECT_EQ(settings.pause, 250ms);
  EXPECT_EQ(settings.count, 3U);
  EXPECT_THAT(settings.list, ElementsAre("a"));
  EXPECT_EQ(settings.kind, "green");
}

TEST(Options, TakeABareNumberInTheFileAsSeconds) {
  Settings settings;
  settings.flags({}).file_text("pause = 30").resolve();
  EXPECT_EQ(settings.pause, 30s);
}

TEST(Options, KeepTheOrderOfRepeatedPairs) {
  Settings settings;
  settings.flags({"-H", "b=1", "-H", "a=2=3", "-H", "b=", "file"}).resolve();
  EXPECT_THAT(settings.headers, ElementsAre(Pair("b", "1"), Pair("a", "2=3"), Pair("b", "")));
  EXPECT_EQ(settings.file, "file");
}

TEST(Options, GiveAFlagAValueOnlyWithAnEqualsSign) {
  Settings bare;
  bare.flags({"--wait", "file"}).resolve();
  EXPECT_EQ(bare.wait, 60s);
  EXPECT_EQ(bare.file, "file");
  Settings valued;
  valued.flags({"--wait=5s", "file"}).resolve();
  EXPECT_EQ(valued.wait, 5s);
}

TEST(Options, CountARepeatedFlag) {
  Settings settings;
  settings.flags({"-vv"}).resolve();
  EXPECT_EQ(settings.verbose.times, 2);
}

TEST(Options, NameFileLineAndKnownKeysForAnUnknownKey) {
  Settings settings;
  settings.flags({}).file_text("name = \"x\"\nnmae = \"y\"\n");
  EXPECT_THAT(settings.fault(), AllOf(HasSubstr("config.toml:2: unknown key \"nmae\""),
                                      HasSubstr("[properties]"), HasSubstr("name, on, pause")));
}

TEST(Options, LeaveTheTablesOfOtherProgramsAlone) {
  Settings settings;
  settings.flags({}).file_text("[supervisor]\nanything = 1\n").resolve();
  EXPECT_EQ(settings.name, "default");
}

TEST(Options, NameFileLineAndTypeForAWrongType) {
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"name = 5", "config.toml:1: name must be a string in quotes"},
      {"\non = \"true\"", "config.toml:2: on must be true or false"},
      {"count = \"three\"", "config.toml:1: count must be a whole number"},
      {"count = 1.5", "config.toml:1: count must be a whole number"},
      {"pause = true", "config.toml:1: pause must be a duration"},
      {"pause = \"soon\"", "config.toml:1: pause must be a duration"},
      {"list = [1]", "config.toml:1: list must be a list of strings"},
      {"properties = \"a=b\"", "config.toml:1: properties must be a table"},
      {"properties.a = [\"b\"]", "config.toml:1: properties.a must be a table of property names and values"},
      {"kind = \"blue\"", "config.toml:1: kind must be red or green, not \"blue\""}};
  for (const auto& [text, fault] : faults) {
    Settings settings;
    settings.flags({}).file_text(text);
    EXPECT_THAT(settings.fault(), HasSubstr(fault)) << text;
  }
}

TEST(Options, NameTheVariableOrFlagOfAWrongValue) {
  Settings variable;
  variable.flags({}).variable("GRACEDB_KAFKA_PAUSE", "soon");
  EXPECT_THAT(variable.fault(),
              HasSubstr("$GRACEDB_KAFKA_PAUSE must be a duration such as 500ms, 10s or 2m, not \"soon\""));
  Settings flag;
  flag.flags({"--count", "-3"});
  EXPECT_THAT(flag.fault(), HasSubstr("--count must be a whole number, not \"-3\""));
  Settings pair;
  pair.flags({"-X", "linger.ms"});
  EXPECT_THAT(pair.fault(), HasSubstr("must be NAME=VALUE, not \"linger.ms\""));
}

TEST(Options, DoNotReadAVariableThatAFlagBeats) {
  Settings settings;
  settings.flags({"--pause", "2s"}).variable("GRACEDB_KAFKA_PAUSE", "soon").resolve();
  EXPECT_EQ(settings.pause, 2s);
}

TEST(Options, ShowTheirVariableInTheHelp) {
  Settings settings;
  const auto sections = settings.options.help();
  ASSERT_EQ(sections.size(), 1U);
  EXPECT_THAT(sections[0].entries[0].first, HasSubstr("-n, --name"));
  EXPECT_THAT(sections[0].entries[0].second, HasSubstr("[$GRACEDB_KAFKA_NAME]"));
  EXPECT_EQ(settings.options.arguments(), " [FILE]");
}

}  // namespace
}  // namespace gracedb::programs
