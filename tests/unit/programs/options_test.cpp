#include "common/options.hpp"

#include "common/exit_code.hpp"
#include "support/temporary_directory.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace gracedb::programs {
namespace {

using namespace std::chrono_literals;
using test_support::TemporaryDirectory;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Options of every type, and their three sources.
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
    std::reverse(arguments.begin(), arguments.end());  // the order that CLI11 expects
    app.parse(arguments);
    return *this;
  }
  Settings& variable(const std::string& variable_name, const std::string& value) {
    variables[variable_name] = value;
    return *this;
  }
  Settings& file_text(const std::string& text) {
    config = ConfigFile::read(directory.write("config.toml", text));
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
  std::string error_message() {
    try {
      resolve();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }

  CLI::App app;
  Options options{app};
  TemporaryDirectory directory;
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
  FlagCount verbose;
  std::string file;
};

TEST(Options, KeepTheDefault) {
  Settings settings;
  settings.flags({}).resolve();
  EXPECT_EQ(settings.name, "default");
  EXPECT_EQ(settings.options.source("name"), Source::none);
}

TEST(Options, FileOverridesDefault) {
  Settings settings;
  settings.flags({}).file_text("name = \"file\"").resolve();
  EXPECT_EQ(settings.name, "file");
  EXPECT_EQ(settings.options.source("name"), Source::file);
}

TEST(Options, EnvironmentOverridesFile) {
  Settings settings;
  settings.flags({}).file_text("name = \"file\"").variable("GRACEDB_KAFKA_NAME", "environment").resolve();
  EXPECT_EQ(settings.name, "environment");
  EXPECT_EQ(settings.options.source("name"), Source::environment);
}

TEST(Options, CommandLineOverridesEnvironment) {
  Settings settings;
  settings.flags({"--name", "flag"})
      .file_text("name = \"file\"")
      .variable("GRACEDB_KAFKA_NAME", "environment")
      .resolve();
  EXPECT_EQ(settings.name, "flag");
  EXPECT_EQ(settings.options.source("name"), Source::command_line);
}

TEST(Options, MapsAreMergedEntryByEntry) {
  Settings settings;
  settings.flags({"-X", "c=flag"})
      .file_text("[properties]\na = \"file\"\n\"b.b\" = \"file\"\nc = \"file\"\nlinger.ms = 5\n")
      .variable("GRACEDB_KAFKA_PROPERTIES", "b.b=environment;c=environment")
      .resolve();
  EXPECT_THAT(settings.properties, ElementsAre(Pair("a", "file"), Pair("b.b", "environment"),
                                               Pair("c", "flag"), Pair("linger.ms", "5")));
}

TEST(Options, ListsAreReplaced) {
  Settings settings;
  settings.flags({}).file_text(R"(list = ["a", "b"])").variable("GRACEDB_KAFKA_LIST", "c,d").resolve();
  EXPECT_THAT(settings.list, ElementsAre("c", "d"));
}

TEST(Options, CanNameTheirEnvironmentVariable) {
  Settings settings;
  settings.flags({})
      .variable("GRACEDB_SERVICE_URL", "https://a/")
      .variable("GRACEDB_KAFKA_URL", "x")
      .resolve();
  EXPECT_EQ(settings.url, "https://a/");
}

TEST(Options, FlagCanBeSetToFalse) {
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

TEST(Options, NumberWithoutUnitIsSeconds) {
  Settings settings;
  settings.flags({}).file_text("pause = 30").resolve();
  EXPECT_EQ(settings.pause, 30s);
}

TEST(Options, RepeatedPairsKeepTheirOrder) {
  Settings settings;
  settings.flags({"-H", "b=1", "-H", "a=2=3", "-H", "b=", "file"}).resolve();
  EXPECT_THAT(settings.headers, ElementsAre(Pair("b", "1"), Pair("a", "2=3"), Pair("b", "")));
  EXPECT_EQ(settings.file, "file");
}

TEST(Options, OptionalValueRequiresEqualsSign) {
  Settings bare;
  bare.flags({"--wait", "file"}).resolve();
  EXPECT_EQ(bare.wait, 60s);
  EXPECT_EQ(bare.file, "file");
  Settings valued;
  valued.flags({"--wait=5s", "file"}).resolve();
  EXPECT_EQ(valued.wait, 5s);
}

TEST(Options, RepeatedFlagIsCounted) {
  Settings settings;
  settings.flags({"-vv"}).resolve();
  EXPECT_EQ(settings.verbose.times, 2);
}

TEST(Options, UnknownKeyErrorNamesLineAndKnownKeys) {
  Settings settings;
  settings.flags({}).file_text("name = \"x\"\nnmae = \"y\"\n");
  EXPECT_THAT(settings.error_message(), AllOf(HasSubstr("config.toml:2: unknown key \"nmae\""),
                                              HasSubstr("[properties]"), HasSubstr("name, on, pause")));
}

TEST(Options, TablesOfOtherProgramsAreIgnored) {
  Settings settings;
  settings.flags({}).file_text("[supervisor]\nanything = 1\n").resolve();
  EXPECT_EQ(settings.name, "default");
}

TEST(Options, WrongTypeErrorNamesLineAndType) {
  const std::vector<std::pair<std::string, std::string>> errors = {
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
  for (const auto& [text, message] : errors) {
    Settings settings;
    settings.flags({}).file_text(text);
    EXPECT_THAT(settings.error_message(), HasSubstr(message)) << text;
  }
}

TEST(Options, InvalidValueErrorNamesVariableOrFlag) {
  Settings variable;
  variable.flags({}).variable("GRACEDB_KAFKA_PAUSE", "soon");
  EXPECT_THAT(variable.error_message(),
              HasSubstr("$GRACEDB_KAFKA_PAUSE must be a duration such as 500ms, 10s or 2m, not \"soon\""));
  Settings flag;
  flag.flags({"--count", "-3"});
  EXPECT_THAT(flag.error_message(), HasSubstr("--count must be a whole number, not \"-3\""));
  Settings pair;
  pair.flags({"-X", "linger.ms"});
  EXPECT_THAT(pair.error_message(), HasSubstr("must be NAME=VALUE, not \"linger.ms\""));
}

TEST(Options, OverriddenVariableIsNotParsed) {
  Settings settings;
  settings.flags({"--pause", "2s"}).variable("GRACEDB_KAFKA_PAUSE", "soon").resolve();
  EXPECT_EQ(settings.pause, 2s);
}

TEST(Options, HelpShowsEnvironmentVariable) {
  Settings settings;
  const auto sections = settings.options.help();
  ASSERT_EQ(sections.size(), 1U);
  EXPECT_THAT(sections[0].entries[0].first, HasSubstr("-n, --name"));
  EXPECT_THAT(sections[0].entries[0].second, HasSubstr("[$GRACEDB_KAFKA_NAME]"));
  EXPECT_EQ(settings.options.arguments(), " [FILE]");
}

EnvironmentReader environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConfigFile, DefaultPathFollowsXdg) {
  EXPECT_EQ(default_config_path(environment_of({{"HOME", "/home/a"}})),
            "/home/a/.config/gracedb-kafka/config.toml");
  EXPECT_EQ(default_config_path(environment_of({{"HOME", "/home/a"}, {"XDG_CONFIG_HOME", "/etc/xdg"}})),
            "/etc/xdg/gracedb-kafka/config.toml");
  EXPECT_EQ(default_config_path(environment_of({{"HOME", "/home/a"}, {"XDG_CONFIG_HOME", "relative"}})),
            "/home/a/.config/gracedb-kafka/config.toml");
  EXPECT_EQ(default_config_path(environment_of({})), std::nullopt);
}

TEST(ConfigFile, DefaultFileIsOptional) {
  const TemporaryDirectory directory;
  const auto environment = environment_of({{"XDG_CONFIG_HOME", directory.path().string()}});
  EXPECT_TRUE(ConfigFile::find(std::nullopt, environment).entries().empty());
}

TEST(ConfigFile, NamedFileMustExist) {
  const TemporaryDirectory directory;
  const std::string path = (directory.path() / "none.toml").string();
  EXPECT_THAT(error_of([&] { ConfigFile::find(path, environment_of({})); }), HasSubstr(path));
  EXPECT_THAT(error_of([&] { ConfigFile::read(directory.path()); }),
              HasSubstr("cannot read " + directory.path().string()));
}

TEST(ConfigFile, EntriesHaveTypeAndLocation) {
  const TemporaryDirectory directory;
  const auto path = directory.write("config.toml", "a = \"x\"\n\nb = true\n[t]\nc = 5\nd = [\"p\", \"q\"]\n");
  const ConfigFile file = ConfigFile::read(path);
  ASSERT_EQ(file.entries().size(), 4U);
  std::map<std::string, ConfigEntry> entries;
  for (const ConfigEntry& entry : file.entries())
    entries[entry.key] = entry;
  EXPECT_EQ(entries["a"].type, ConfigType::text);
  EXPECT_EQ(entries["b"].type, ConfigType::boolean);
  EXPECT_EQ(entries["b"].location, path.string() + ":3");
  EXPECT_EQ(entries["t.c"].type, ConfigType::number);
  EXPECT_THAT(entries["t.c"].values, ElementsAre("5"));
  EXPECT_THAT(entries["t.d"].values, ElementsAre("p", "q"));
}

TEST(ConfigFile, SyntaxErrorNamesTheLine) {
  const TemporaryDirectory directory;
  const auto path = directory.write("config.toml", "a = 1\nb = = 2\n");
  EXPECT_THAT(error_of([&] { ConfigFile::read(path); }), HasSubstr(path.string() + ":2: "));
}

TEST(Help, HasTwoColumns) {
  EXPECT_EQ(
      format_help({{"Options", {{"-a", "first"}, {"-b", ""}}}, {"Empty", {}}, {"More", {{"-c", "third"}}}}),
      "Options:\n"
      "  -a                            first\n"
      "  -b\n"
      "\n"
      "More:\n"
      "  -c                            third\n");
}

TEST(Help, PutsMeaningBelowALongName) {
  EXPECT_EQ(format_help({{"Options", {{"--a-very-long-name-of-an-option", "meaning"}}}}),
            "Options:\n"
            "  --a-very-long-name-of-an-option\n"
            "                                meaning\n");
}

TEST(Help, WrapsAtOneHundredCharacters) {
  std::string meaning;
  for (int i = 0; i < 60; ++i)
    meaning += "word ";
  std::istringstream lines(format_help({{"Options", {{"-a", meaning}}}}));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_LE(line.size(), 100U) << line;
  EXPECT_GT(count, 4);
}

TEST(Help, DoesNotSplitLongWords) {
  const std::string url(120, 'x');
  EXPECT_NE(format_help({{"Options", {{"-a", url + " end"}}}}).find(url), std::string::npos);
}

}  // namespace
}  // namespace gracedb::programs
