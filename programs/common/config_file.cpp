#include "common/config_file.hpp"

#include "common/exit_code.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace gracedb::programs {
namespace {

std::string text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  return {};
}

ConfigType type_of(const toml::node& node) {
  if (node.is_string()) return ConfigType::text;
  if (node.is_boolean()) return ConfigType::boolean;
  if (node.is_number()) return ConfigType::number;
  const auto* list = node.as_array();
  if (list == nullptr) return ConfigType::other;
  for (const toml::node& item : *list) {
    if (!item.is_string()) return ConfigType::other;
  }
  return ConfigType::list;
}

std::vector<std::string> values_of(const toml::node& node) {
  std::vector<std::string> values;
  if (const auto* list = node.as_array()) {
    for (const toml::node& item : *list)
      values.push_back(text_of(item));
  } else {
    values.push_back(text_of(node));
  }
  return values;
}

// Tables become dotted keys, so that `linger.ms = 5` and `"linger.ms" = 5` are the same setting.
void flatten(const toml::table& table, const std::string& prefix, const std::string& path,
             std::vector<ConfigEntry>& entries) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      flatten(*inner, key + '.', path, entries);
    } else {
      entries.push_back({.key = key,
                         .type = type_of(node),
                         .values = values_of(node),
                         .place = fmt::format("{}:{}", path, node.source().begin.line)});
    }
  }
}

std::string read_text(const std::filesystem::path& path) {
  std::error_code error;
  const bool is_directory = std::filesystem::is_directory(path, error);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (is_directory || !file || !(text << file.rdbuf() || file.eof())) {
    throw UsageError(fmt::format("the configuration file {} cannot be read", path.string()));
  }
  return std::move(text).str();
}

}  // namespace

EnvironmentReader process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value =
        std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

std::optional<std::filesystem::path> default_config_path(const EnvironmentReader& environment) {
  const std::filesystem::path name = std::filesystem::path("gracedb-kafka") / "config.toml";
  // The XDG specification says to ignore a relative path.
  if (const auto folder = environment("XDG_CONFIG_HOME"); folder && folder->front() == '/')
    return *folder / name;
  if (const auto home = environment("HOME")) return std::filesystem::path(*home) / ".config" / name;
  return std::nullopt;
}

ConfigFile ConfigFile::read(const std::filesystem::path& path) {
  ConfigFile file;
  const std::string text = read_text(path);
  try {
    flatten(toml::parse(text), "", path.string(), file.entries_);
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}:{}: {}", path.string(), error.source().begin.line, error.description()));
  }
  return file;
}

ConfigFile ConfigFile::find(const std::optional<std::string>& chosen, const EnvironmentReader& environment) {
  if (chosen) return read(*chosen);
  const auto path = default_config_path(environment);
  std::error_code error;
  if (!path || !std::filesystem::exists(*path, error)) return {};
  return read(*path);
}

}  // namespace gracedb::programs
