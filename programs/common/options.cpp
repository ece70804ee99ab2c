#include "common/options.hpp"

#include "common/exit_code.hpp"
#include "core/duration.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace gracedb::programs {
namespace {

using std::chrono::milliseconds;

// One option's value as text, and where it stands, for error messages.
struct Given {
  std::vector<std::string> values;
  std::string place;
  Source source;
};

[[noreturn]] void fail(const Given& given, std::string_view expected) {
  const std::string value = given.values.empty() ? "" : given.values.back();
  throw UsageError(fmt::format(R"({} must be {}, not "{}")", given.place, expected, value));
}

bool parse_bool(const Given& given) {
  std::string text = given.values.back();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  fail(given, "true or false");
}

std::uint32_t parse_whole_number(const Given& given) {
  const std::string& text = given.values.back();
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) fail(given, "a whole number");
  return number;
}

milliseconds parse_time_span(const Given& given) {
  try {
    return parse_duration(given.values.back());
  } catch (const std::invalid_argument&) {
    fail(given, "a duration such as 500ms, 10s or 2m");
  }
}

std::pair<std::string, std::string> parse_pair(const std::string& text, const Given& given) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw UsageError(fmt::format(R"({} must be NAME=VALUE, not "{}")", given.place, text));
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
  const Given& given;

  void operator()(bool* target) const { *target = parse_bool(given); }
  void operator()(Repeated* target) const { target->times = static_cast<int>(given.values.size()); }
  void operator()(std::string* target) const { *target = given.values.back(); }
  void operator()(std::optional<std::string>* target) const { *target = given.values.back(); }
  void operator()(std::optional<std::uint32_t>* target) const { *target = parse_whole_number(given); }
  void operator()(milliseconds* target) const { *target = parse_time_span(given); }
  void operator()(std::optional<milliseconds>* target) const { *target = parse_time_span(given); }
  void operator()(std::vector<std::string>* target) const { *target = given.values; }
  void operator()(std::map<std::string, std::string>* target) const {
    for (const std::string& value : given.values) {
      auto [name, content] = parse_pair(value, given);
      target->insert_or_assign(std::move(name), std::move(content));
    }
  }
  void operator()(NamedValues* target) const {
    target->clear();
    for (const std::string& value : given.values)
      target->push_back(parse_pair(value, given));
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

// One environment variable stands for several flags: "a,b" for a list; "a=1;b=2" for a map, as the values of
// Kafka properties may hold commas.
std::vector<std::string> values_of_variable(const Target& target, const std::string& text) {
  if (is_map(target)) return split(text, ';');
  if (is_list(target)) return split(text, ',');
  return {text};
}

// A boolean in the file must be a boolean there: "false" in quotes is more likely a slip than a wish.
bool type_fits(const Target& target, ConfigType type) {
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

void check_choice(const Option& option, const Given& given) {
  if (option.choices.empty()) return;
  for (const std::string& value : given.values) {
    const bool known = std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end();
    if (!known) fail(given, fmt::format("{}", fmt::join(option.choices, " or ")));
  }
}

void assign(const Option& option, const Given& given) {
  check_choice(option, given);
  std::visit(Assign{given}, option.target);
}

std::string environment_name(const Option& option) {
  if (!option.environment.empty() || option.key.empty()) return option.environment;
  std::string name = "GRACEDB_KAFKA_";
  for (const char c : option.key) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

bool is_argument(const Option& option) { return option.names.front() != '-'; }
bool is_flag(const Option& option) { return holds_any<bool*, Repeated*>(option.target); }

// "-b, --bootstrap-servers HOST:PORT,...", "    --wait[=DURATION]"
std::string shown_names(const Option& option) {
  if (is_argument(option)) return option.names;
  const std::size_t comma = option.names.find(',');
  std::string names = comma == std::string::npos
                          ? "    " + option.names
                          : option.names.substr(0, comma) + ", " + option.names.substr(comma + 1);
  const std::string value = option.value.empty() ? "TEXT" : option.value;
  if (!option.implicit.empty()) return names + "[=" + value + "]";
  return is_flag(option) ? names : names + " " + value;
}

std::string shown_help(const Option& option) {
  const std::string name = environment_name(option);
  return name.empty() ? option.help : option.help + " [$" + name + "]";
}

}  // namespace

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
      sections.back().entries.emplace_back(shown_names(entry.option), shown_help(entry.option));
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

  static void apply(Entry& entry, const Given& given) {
    assign(entry.option, given);
    entry.source = given.source;
  }

  static void apply_command_line(Entry& entry) {
    apply(entry, {.values = entry.parsed->results(),
                  .place = entry.parsed->get_name(),
                  .source = Source::command_line});
  }

  static void apply(Entry& entry, const EnvironmentReader& environment) {
    const std::string name = environment_name(entry.option);
    const auto value = name.empty() ? std::nullopt : environment(name);
    if (!value) return;
    apply(entry, {.values = values_of_variable(entry.option.target, *value),
                  .place = "$" + name,
                  .source = Source::environment});
  }

  void apply(const ConfigEntry& file_entry, const std::vector<std::string>& other_sections) {
    for (Entry& entry : entries_) {
      const Option& option = entry.option;
      if (option.key.empty()) continue;
      const bool in_map = is_map(option.target) && file_entry.key.starts_with(option.key + ".");
      if (!in_map && file_entry.key != option.key) continue;
      if (!type_fits(option.target, file_entry.type) || (is_map(option.target) && !in_map)) {
        throw UsageError(
            fmt::format("{}: {} must be {}", file_entry.place, file_entry.key, type_name(option.target)));
      }
      Given given{.values = file_entry.values,
                  .place = fmt::format("{}: {}", file_entry.place, file_entry.key),
                  .source = Source::file};
      if (in_map) given.values.front().insert(0, file_entry.key.substr(option.key.size() + 1) + "=");
      apply(entry, given);
      return;
    }
    for (const std::string& section : other_sections) {
      if (file_entry.key.starts_with(section + ".")) return;
    }
    throw UsageError(fmt::format(R"({}: unknown key "{}"; known are {})", file_entry.place, file_entry.key,
                                 fmt::join(known_keys(), ", ")));
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
