#include "common/config_file.hpp"
#include "common/exit_code.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace gracedb::programs {
namespace {

using test_support::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;

EnvironmentReader environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string fault_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(ConfigFile, LiesInTheConfigurationFolderOfTheUser) {
  EXPECT_EQ(default_config_path(environment_of({{"HOME", "/home/a"}})),
            "/home/a/.config/gracedb-kafka/config.toml");
  EXPECT_EQ(default_config_path(environment_of({{"HOME", "/home/a"}, {"XDG_CONFIG_HOME", "/etc/xdg"}})),
            "/etc/xdg/gracedb-kafka/config.toml");
  EXPECT_EQ(default_config_path(environment_of({{"HOME", "/home/a"}, {"XDG_CONFIG_HOME", "relative"}})),
            "/home/a/.config/gracedb-kafka/config.toml");
  EXPECT_EQ(default_config_path(environment_of({})), std::nullopt);
}

TEST(ConfigFile, NeedNotBeThere) {
  const TemporaryDirectory folder;
  const auto environment = environment_of({{"XDG_CONFIG_HOME", folder.path().string()}});
  EXPECT_TRUE(ConfigFile::find(std::nullopt, environment).entries().empty());
}

TEST(ConfigFile, MustBeThereWhereItIsNamed) {
  const TemporaryDirectory folder;
  const std::string path = (folder.path() / "none.toml").string();
  EXPECT_THAT(fault_of([&] { ConfigFile::find(path, environment_of({})); }), HasSubstr(path));
  EXPECT_THAT(fault_of([&] { ConfigFile::read(folder.path()); }), HasSubstr("cannot be read"));
}

TEST(ConfigFile, GivesEachValueItsPlace) {
  const TemporaryDirectory folder;
  const auto path = folder.write("config.toml", "a = \"x\"\n\nb = true\n[t]\nc = 5\nd = [\"p\", \"q\"]\n");
  const ConfigFile file = ConfigFile::read(path);
  ASSERT_EQ(file.entries().size(), 4U);
  std::map<std::string, ConfigEntry> entries;
  for (const ConfigEntry& entry : file.entries())
    entries[entry.key] = entry;
  EXPECT_EQ(entries["a"].type, ConfigType::text);
  EXPECT_EQ(entries["b"].type, ConfigType::boolean);
  EXPECT_EQ(entries["b"].place, path.string() + ":3");
  EXPECT_EQ(entries["t.c"].type, ConfigType::number);
  EXPECT_THAT(entries["t.c"].values, ElementsAre("5"));
  EXPECT_THAT(entries["t.d"].values, ElementsAre("p", "q"));
}

TEST(ConfigFile, ThatIsNotTomlIsReportedWithItsLine) {
  const TemporaryDirectory folder;
  const auto path = folder.write("config.toml", "a = 1\nb = = 2\n");
  EXPECT_THAT(fault_of([&] { ConfigFile::read(path); }), HasSubstr(path.string() + ":2: "));
}

}  // namespace
}  // namespace gracedb::programs
