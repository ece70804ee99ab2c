#pragma once

#include "common/config_file.hpp"
#include "common/help.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace gracedb::programs {

/// How often a flag was given, e.g. 2 for -vv.
struct Repeated {
  int times = 0;
};

/// NAME=VALUE pairs in the order given; names may repeat.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

/// Where an option's value is put; the type decides how it is read.
using Target =
    std::variant<bool*, Repeated*, std::string*, std::optional<std::string>*, std::optional<std::uint32_t>*,
                 std::chrono::milliseconds*, std::optional<std::chrono::milliseconds>*,
                 std::vector<std::string>*, std::map<std::string, std::string>*, NamedValues*>;

struct Option {
  std::string names;  ///< "-k,--key"; without dashes: an argument, e.g. "FILE"
  Target target;
  std::string help = {};
  std::string value = {};        ///< its value in the help text, e.g. "FILE"
  std::string key = {};          ///< in the configuration file; without one: on the command line only
  std::string environment = {};  ///< default: GRACEDB_KAFKA_ and the key in capitals
  std::vector<std::string> choices = {};  ///< the only values allowed, if any
  std::string implicit = {};              ///< the value of the bare flag, for "--wait" beside "--wait=30s"
  bool required = false;                  ///< on the command line
};

/// Where a value came from; a later one beats an earlier one.
enum class Source { none, file, environment, command_line };

/// The options of a program or of one of its commands. Each is read from the command line; one with a key
/// also from the environment and the configuration file. Flag beats environment beats file beats default; the
/// entries of a map are merged one by one in that order.
class Options {
 public:
  explicit Options(CLI::App& app);
  ~Options();
  Options(Options&&) noexcept;
  Options& operator=(Options&&) noexcept;

  /// The heading in the help text for the options added from now on.
  void group(std::string name);
  void add(Option option);

  /// Fills the targets in, once the command line is parsed.
  /// @param other_sections  tables of the file that belong to other programs
  /// @throws UsageError  a value that cannot be read, or an unknown key in the file
  void resolve(const ConfigFile& file, const EnvironmentReader& environment,
               const std::vector<std::string>& other_sections = {});

  /// What the help text tells of them, a section for each group.
  std::vector<HelpSection> help() const;
  /// The arguments as a usage line has them, e.g. "GROUP PIPELINE FILE".
  std::string arguments() const;

  /// Where the value of the option with this key came from; only after resolve().
  Source source(std::string_view key) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::programs
