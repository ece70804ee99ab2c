#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::programs {

/// Reads an environment variable; none where it is unset or empty. Replaceable in tests.
using EnvironmentReader = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process.
EnvironmentReader process_environment();

enum class ConfigType { boolean, number, text, list, other };

/// One value of the configuration file.
struct ConfigEntry {
  std::string key;  ///< with its tables, e.g. "supervisor.workers"
  ConfigType type = ConfigType::other;
  std::vector<std::string> values;  ///< written as text; one, except for a list
  std::string place;                ///< "<path>:<line>"
};

/// A TOML file of settings, read whole.
class ConfigFile {
 public:
  /// No file: no settings.
  ConfigFile() = default;

  /// @throws UsageError  unreadable or not TOML; the message names file and line
  static ConfigFile read(const std::filesystem::path& path);

  /// The file named by `chosen`, which must then exist, else the default one if it exists.
  static ConfigFile find(const std::optional<std::string>& chosen, const EnvironmentReader& environment);

  const std::vector<ConfigEntry>& entries() const noexcept { return entries_; }

 private:
  std::vector<ConfigEntry> entries_;
};

/// $XDG_CONFIG_HOME/gracedb-kafka/config.toml, by default under ~/.config; none without a home.
std::optional<std::filesystem::path> default_config_path(const EnvironmentReader& environment);

}  // namespace gracedb::programs
