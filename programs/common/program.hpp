#pragma once

#include "common/exit_code.hpp"
#include "common/options.hpp"
#include "common/output.hpp"
#include "common/signals.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::programs {

struct ProgramInfo {
  std::string name;
  std::string description;
  /// The end of the help text.
  std::string footer;
  /// Has --json and --quiet.
  bool shows_results = true;
  /// The default.
  LogLevel log_level = LogLevel::warning;
  /// A signal is the normal end: exit code 0 if the program then ends by itself.
  bool is_service = false;
  /// Tables of the configuration file that belong to other programs.
  std::vector<std::string> other_sections;
};

struct CommandInfo {
  /// One word, or two: "dead-letters list".
  std::string name;
  std::string description;
  /// The end of its help text.
  std::string footer;
  /// The default; nullopt: the program's.
  std::optional<LogLevel> log_level;
  /// Has --json and --quiet even if the program has not.
  bool shows_results = false;
  /// More tables that belong to other programs, or of which the command reads only a part.
  std::vector<std::string> other_sections = {};
};

/// What a command works with.
struct Context {
  /// For results.
  Output& output;
  /// For `output`.
  const Style& style;
  /// Resolved.
  const Options& options;
  SignalHandler& signals;
  /// Results as JSON, one object a line.
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  LogFormat log_format = LogFormat::text;
};

/// Writes information beside the results as one line to standard error, unless --quiet was given.
void note(const Context& context, std::string_view program, std::string_view text);

/// A program: command line, configuration, commands and exit code.
///
/// Every program has --config, -v, --log-level, --log-format, --help and --version. A failure of any kind
/// ends it with one line on standard error ("gracedb-kafka: …", or a JSON object with --json) and an
/// ExitCode.
class Program {
 public:
  using Run = std::function<ExitCode(Context&)>;

  explicit Program(ProgramInfo info);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Sets what the program does without a command. Call at most once.
  Options& set_main(Run run);
  Options& add_command(const CommandInfo& info, Run run);

  /// Parses the command line and runs. Call once.
  /// @return the exit code
  int run(int argc, const char* const* argv, const EnvironmentReader& environment = process_environment());

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "gracedb-kafka 0.1.0 (librdkafka 2.0.2, libcurl 7.88.1, OpenSSL 3.0.17)"
std::string version_line(std::string_view program);

/// Help text about environment, configuration file and token discovery.
std::string_view configuration_help();

}  // namespace gracedb::programs
