#include "common/options.hpp"

#include "common/exit_code.hpp"
#include "core/duration.hpp"
#include "core/file.hpp"
#include "core/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <system_error>

namespace gracedb::programs {
namespace {

using std::chrono::milliseconds;

// ---- Configuration file

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

// Tables become dotted keys, so that `linger.ms = 5` and `"linger.ms" = 5` are equivalent.
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
                         .location = fmt::format("{}:{}", path, node.source().begin.line)});
    }
  }
}

std::string read_text(const std::filesystem::path& path) {
  try {
    return read_file(path);
  } catch (const std::system_error& error) {
    throw UsageError(fmt::format("configuration file: {}", error.what()));
  }
}

// ---- Help text

constexpr std::size_t width = 100;
constexpr std::size_t indent = 2;
constexpr std::size_t column = 32;  // of the meaning

std::string wrapped(std::string_view text) {
  std::string lines;
  while (text.size() > width - column) {
    std::size_t end = text.rfind(' ', width - column);
    if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    lines.append(text.substr(0, end)).append(1, '\n').append(column, ' ');
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines.append(text).append(1, '\n');
}

std::string entry_text(const std::string& name, const std::string& meaning) {
  std::string text = std::string(indent, ' ') + name;
  if (meaning.empty()) return text + '\n';
  if (text.size() + 2 > column) text.append(1, '\n').append(column, ' ');
  text.resize(std::max(text.size(), column), ' ');
  return text + wrapped(meaning);
}

// ---- Values of options

// The value of one option as text, and its location for error messages.
struct RawValue {
  std::vector<std::string> values;
  std::string location;
  Source source;
};

[[noreturn]] void fail(const RawValue& raw, std::string_view expected) {
  const std::string value = raw.values.empty() ? "" : raw.values.back();
  throw UsageError(fmt::format(R"({} must be {}, not "{}")", raw.location, expected, value));
}

bool parse_bool(const RawValue& raw) {
  const std::string text = to_lower(raw.values.back());
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  fail(raw, "true or false");
}

std::uint32_t parse_number(const RawValue& raw) {
  const std::string& text = raw.values.back();
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) fail(raw, "a whole number");
  return number;
}

milliseconds parse_milliseconds(const RawValue& raw) {
  try {
    return parse_duration(raw.values.back());
  } catch (const std::invalid_argument&) {
    fail(raw, "a duration such as 500ms, 10s or 2m");
  }
}

std::pair<std::string, std::string> parse_pair(const std::string& text, const RawValue& raw) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw UsageError(fmt::format(R"({} must be NAME=VALUE, not "{}")", raw.location, text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

struct Assign {
  const RawValue& raw;

  void operator()(bool* target) const { *target = parse_bool(raw); }
  void operator()(FlagCount* target) const { target->times = static_cast<int>(raw.values.size()); }
  void operator()(std::string* target) const { *target = raw.values.back(); }
  void operator()(std::optional<std::string>* target) const { *target = raw.values.back(); }
  void operator()(std::optional<std::uint32_t>* target) const { *target = parse_number(raw); }
  void operator()(milliseconds* target) const { *target = parse_milliseconds(raw); }
  void operator()(std::optional<milliseconds>* target) const { *target = parse_milliseconds(raw); }
  void operator()(std::vector<std::string>* target) const { *target = raw.values; }
  void operator()(std::map<std::string, std::string>* target) const {
    for (const std::string& value : raw.values) {
      auto [name, content] = parse_pair(value, raw);
      target->insert_or_assign(std::move(name), std::move(content));
    }
  }
  void operator()(NamedValues* target) const {
    target->clear();
    for (const std::string& value : raw.values)
      target->push_back(parse_pair(value, raw));
  }
};

template <typename... Types>
bool holds_any(const Target& target) {
  return (std::holds_alternative<Types>(target) || ...);
}

bool is_map(const Target& target) { return holds_any<std::map<std::string, std::string>*>(target); }
bool is_list(const Target& target) {
  return is_map(target) || holds_any<std::vector<std::string>*, NamedValues*>(target);
}

// One environment variable holds several values: "a,b" for a list, "a=1;b=2" for a map because values of
// Kafka properties may contain commas.
std::vector<std::string> values_of_variable(const Target& target, const std::string& text) {
  if (is_map(target)) return split(text, ';');
  if (is_list(target)) return split(text, ',');
  return {text};
}

// Stricter than the command line: "false" in quotes is more likely a mistake than intended.
bool type_matches(const Target& target, ConfigType type) {
  if (holds_any<bool*>(target)) return type == ConfigType::boolean;
  if (holds_any<std::optional<std::uint32_t>*>(target)) return type == ConfigType::number;
  if (holds_any<milliseconds*, std::optional<milliseconds>*>(target)) {
    return type == ConfigType::number || type == ConfigType::text;
  }
  if (is_map(target)) return type != ConfigType::list && type != ConfigType::other;
  if (is_list(target)) return type == ConfigType::list || type == ConfigType::text;
  return type == ConfigType::text;
}

std::string_view type_name(const Target& target) {
  if (holds_any<bool*>(target)) return "true or false";
  if (holds_any<std::optional<std::uint32_t>*>(target)) return "a whole number";
  if (holds_any<milliseconds*, std::optional<milliseconds>*>(target)) return R"(a duration such as "10s")";
  if (is_map(target)) return "a table of property names and values";
  if (is_list(target)) return "a list of strings";
  return "a string in quotes";
}

void check_choice(const Option& option, const RawValue& raw) {
  if (option.choices.empty()) return;
  for (const std::string& value : raw.values) {
    const bool known = std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end();
    if (!known) fail(raw, fmt::format("{}", fmt::join(option.choices, " or ")));
  }
}

void assign(const Option& option, const RawValue& raw) {
  check_choice(option, raw);
  std::visit(Assign{raw}, option.target);
}

std::string environment_name(const Option& option) {
  if (!option.environment.empty() || option.key.empty()) return option.environment;
  std::string name = "GRACEDB_KAFKA_";
  for (const char c : option.key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

bool is_argument(const Option& option) { return option.names.front() != '-'; }
bool is_flag(const Option& option) { return holds_any<bool*, FlagCount*>(option.target); }

// "-b, --bootstrap-servers HOST:PORT,...", "    --wait[=DURATION]"
std::string syntax_of(const Option& option) {
  if (is_argument(option)) return option.names;
  const std::size_t comma = option.names.find(',');
  std::string names = comma == std::string::npos
                          ? "    " + option.names
                          : option.names.substr(0, comma) + ", " + option.names.substr(comma + 1);
  const std::string value = option.value.empty() ? "TEXT" : option.value;
  if (!option.implicit.empty()) return names + "[=" + value + "]";
  return is_flag(option) ? names : names + " " + value;
}

std::string help_of(const Option& option) {
  const std::string name = environment_name(option);
  return name.empty() ? option.help : option.help + " [$" + name + "]";
}

}  // namespace

EnvironmentReader process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value =
        std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): the program sets no variables
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

std::optional<std::filesystem::path> default_config_path(const EnvironmentReader& environment) {
  const std::filesystem::path name = std::filesystem::path("gracedb-kafka") / "config.toml";
  // The XDG specification requires absolute paths; ignore a relative one.
  if (const auto directory = environment("XDG_CONFIG_HOME"); directory && directory->front() == '/')
    return *directory / name;
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

ConfigFile ConfigFile::find(const std::optional<std::string>& path, const EnvironmentReader& environment) {
  if (path) return read(*path);
  const auto default_path = default_config_path(environment);
  std::error_code error;
  if (!default_path || !std::filesystem::exists(*default_path, error)) return {};
  return read(*default_path);
}

std::string format_help(const std::vector<HelpSection>& sections) {
  std::string text;
  for (const HelpSection& section : sections) {
    if (section.entries.empty()) continue;
    text += (text.empty() ? "" : "\n") + section.heading + ":\n";
    for (const auto& [name, meaning] : section.entries) {
      text += entry_text(name, meaning);
    }
  }
  return text;
}

class Options::Impl {
 public:
  explicit Impl(CLI::App& app) : app_(app) {}

  void group(std::string name) { group_ = std::move(name); }

  void add(Option option) {
    CLI::Option* parsed = add_to_app(option);
    parsed->required(option.required);
    entries_.push_back({.option = std::move(option), .group = group_, .parsed = parsed});
  }

  void resolve(const ConfigFile& file, const EnvironmentReader& environment,
               const std::vector<std::string>& other_sections) {
    for (const ConfigEntry& entry : file.entries())
      apply(entry, other_sections);
    for (Entry& entry : entries_) {
      const bool on_command_line = entry.parsed->count() > 0;
      if (!on_command_line || is_map(entry.option.target)) apply(entry, environment);
      if (on_command_line) apply_command_line(entry);
    }
  }

  std::vector<HelpSection> help() const {
    std::vector<HelpSection> sections;
    for (const Entry& entry : entries_) {
      if (sections.empty() || sections.back().heading != entry.group) {
        sections.push_back({.heading = entry.group, .entries = {}});
      }
      sections.back().entries.emplace_back(syntax_of(entry.option), help_of(entry.option));
    }
    return sections;
  }

  std::string arguments() const {
    std::string arguments;
    for (const Entry& entry : entries_) {
      if (!is_argument(entry.option)) continue;
      const char* const more = is_list(entry.option.target) ? "..." : "";
      const char* const format = entry.option.required ? " {}{}" : " [{}{}]";
      arguments += fmt::format(fmt::runtime(format), entry.option.names, more);
    }
    return arguments;
  }

  Source source(std::string_view key) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [key](const Entry& entry) { return entry.option.key == key; });
    return found == entries_.end() ? Source::none : found->source;
  }

 private:
  struct Entry {
    Option option;
    std::string group;
    CLI::Option* parsed;
    Source source = Source::none;
  };

  CLI::Option* add_to_app(const Option& option) {
    if (is_flag(option)) return app_.add_flag(option.names);
    if (!option.implicit.empty()) return app_.add_flag(option.names + "{" + option.implicit + "}");
    CLI::Option* parsed = app_.add_option(option.names, [](const CLI::results_t&) { return true; });
    if (!is_list(option.target)) return parsed->take_last();
    return parsed->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args(is_argument(option))
        ->take_all();
  }

  static void apply(Entry& entry, const RawValue& raw) {
    assign(entry.option, raw);
    entry.source = raw.source;
  }

  static void apply_command_line(Entry& entry) {
    apply(entry, {.values = entry.parsed->results(),
                  .location = entry.parsed->get_name(),
                  .source = Source::command_line});
  }

  static void apply(Entry& entry, const EnvironmentReader& environment) {
    const std::string name = environment_name(entry.option);
    const auto value = name.empty() ? std::nullopt : environment(name);
    if (!value) return;
    apply(entry, {.values = values_of_variable(entry.option.target, *value),
                  .location = "$" + name,
                  .source = Source::environment});
  }

  void apply(const ConfigEntry& file_entry, const std::vector<std::string>& other_sections) {
    for (Entry& entry : entries_) {
      const Option& option = entry.option;
      if (option.key.empty()) continue;
      const bool in_map = is_map(option.target) && file_entry.key.starts_with(option.key + ".");
      if (!in_map && file_entry.key != option.key) continue;
      if (!type_matches(option.target, file_entry.type) || (is_map(option.target) && !in_map)) {
        throw UsageError(
            fmt::format("{}: {} must be {}", file_entry.location, file_entry.key, type_name(option.target)));
      }
      RawValue raw{.values = file_entry.values,
                   .location = fmt::format("{}: {}", file_entry.location, file_entry.key),
                   .source = Source::file};
      if (in_map) raw.values.front().insert(0, file_entry.key.substr(option.key.size() + 1) + "=");
      apply(entry, raw);
      return;
    }
    for (const std::string& section : other_sections) {
      if (file_entry.key.starts_with(section + ".")) return;
    }
    throw UsageError(fmt::format(R"({}: unknown key "{}"; known keys: {})", file_entry.location,
                                 file_entry.key, fmt::join(known_keys(), ", ")));
  }

  std::vector<std::string> known_keys() const {
    std::vector<std::string> keys;
    for (const Entry& entry : entries_) {
      const Option& option = entry.option;
      if (!option.key.empty()) keys.push_back(is_map(option.target) ? "[" + option.key + "]" : option.key);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  CLI::App& app_;
  std::string group_ = "Options";
  std::vector<Entry> entries_;
};

Options::Options(CLI::App& app) : impl_(std::make_unique<Impl>(app)) {}
Options::~Options() = default;
Options::Options(Options&&) noexcept = default;
Options& Options::operator=(Options&&) noexcept = default;

void Options::group(std::string name) { impl_->group(std::move(name)); }
void Options::add(Option option) { impl_->add(std::move(option)); }
void Options::resolve(const ConfigFile& file, const EnvironmentReader& environment,
                      const std::vector<std::string>& other_sections) {
  impl_->resolve(file, environment, other_sections);
}
std::vector<HelpSection> Options::help() const { return impl_->help(); }
std::string Options::arguments() const { return impl_->arguments(); }
Source Options::source(std::string_view key) const { return impl_->source(key); }

}  // namespace gracedb::programs
