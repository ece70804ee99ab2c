#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

/// The options of a program: command line, environment and configuration file.
namespace gracedb::programs {

/// Reads an environment variable; nullopt if it is unset or empty. Replaceable in tests.
using EnvironmentReader = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process.
EnvironmentReader process_environment();

enum class ConfigType { boolean, number, text, list, other };

/// One value of the configuration file.
struct ConfigEntry {
  /// With the names of its tables, e.g. "supervisor.workers".
  std::string key;
  ConfigType type = ConfigType::other;
  /// As text; one value, except for a list.
  std::vector<std::string> values;
  /// "<path>:<line>"
  std::string location;
};

/// A TOML configuration file.
class ConfigFile {
 public:
  /// No file: no entries.
  ConfigFile() = default;

  /// @throws UsageError  the file is unreadable or not TOML; the message has file and line
  static ConfigFile read(const std::filesystem::path& path);

  /// Reads the file at `path`, which must exist, or else the default file if it exists.
  static ConfigFile find(const std::optional<std::string>& path, const EnvironmentReader& environment);

  const std::vector<ConfigEntry>& entries() const noexcept { return entries_; }

 private:
  std::vector<ConfigEntry> entries_;
};

/// $XDG_CONFIG_HOME/gracedb-kafka/config.toml, by default under ~/.config; nullopt without a home directory.
std::optional<std::filesystem::path> default_config_path(const EnvironmentReader& environment);

/// How often a flag was given, e.g. 2 for -vv.
struct FlagCount {
  int times = 0;
};

/// NAME=VALUE pairs in the order given; names may repeat.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

/// The variable that receives an option's value; its type decides how the value is parsed.
using Target =
    std::variant<bool*, FlagCount*, std::string*, std::optional<std::string>*, std::optional<std::uint32_t>*,
                 std::chrono::milliseconds*, std::optional<std::chrono::milliseconds>*,
                 std::vector<std::string>*, std::map<std::string, std::string>*, NamedValues*>;

struct Option {
  /// "-k,--key"; without dashes a positional argument, e.g. "FILE".
  std::string names;
  Target target;
  std::string help = {};
  /// Name of the value in the help text, e.g. "FILE".
  std::string value = {};
  /// Key in the configuration file. Without a key the option exists on the command line only.
  std::string key = {};
  /// Environment variable. Default: GRACEDB_KAFKA_ and the key in upper case.
  std::string environment = {};
  /// The allowed values; empty: any.
  std::vector<std::string> choices = {};
  /// Value of the option without "=VALUE", e.g. of "--wait" where "--wait=30s" is possible too.
  std::string implicit = {};
  /// Must be on the command line.
  bool required = false;
};

/// Where a value came from; a later source overrides an earlier one.
enum class Source { none, file, environment, command_line };

/// A heading of a help text and its entries: syntax and meaning.
struct HelpSection {
  std::string heading;
  std::vector<std::pair<std::string, std::string>> entries;
};

/// Formats the sections in two columns, wrapped at 100 characters. Omits sections without entries.
std::string format_help(const std::vector<HelpSection>& sections);

/// The options of a program or of one of its commands. Each is read from the command line; one with a key
/// also from the environment and the configuration file. The command line overrides the environment, which
/// overrides the file, which overrides the default. A map is merged entry by entry in that order.
class Options {
 public:
  explicit Options(CLI::App& app);
  ~Options();
  Options(Options&&) noexcept;
  Options& operator=(Options&&) noexcept;

  /// Sets the heading in the help text for the options that follow.
  void group(std::string name);
  void add(Option option);

  /// Assigns the targets, after the command line was parsed.
  /// @param other_sections  tables of the file that belong to other programs
  /// @throws UsageError  a value is invalid, or the file has an unknown key
  void resolve(const ConfigFile& file, const EnvironmentReader& environment,
               const std::vector<std::string>& other_sections = {});

  /// One section for each group.
  std::vector<HelpSection> help() const;
  /// The positional arguments for the usage line, e.g. " GROUP PIPELINE FILE".
  std::string arguments() const;

  /// Where the value of the option with this key came from. Call after resolve().
  Source source(std::string_view key) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::programs
