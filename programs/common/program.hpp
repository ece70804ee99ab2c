#pragma once

#include "common/exit_code.hpp"
#include "common/log_setup.hpp"
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
  std::string footer;                      ///< at the end of the help text
  bool shows_results = true;               ///< has --json and --quiet
  LogLevel log_level = LogLevel::warning;  ///< unless asked for another
  bool is_service = false;  ///< a signal is its normal end: exit code 0 where it ends by itself
  std::vector<std::string> other_sections;  ///< tables of the configuration file left to other programs
};

struct CommandInfo {
  std::string name;  ///< of one word, or of two: "dead-letters list"
  std::string description;
  std::string footer;                            ///< at the end of its help text
  std::optional<LogLevel> log_level;             ///< unless asked for another; default: the program's
  bool shows_results = false;                    ///< has --json and --quiet, where the program has not
  std::vector<std::string> other_sections = {};  ///< beside the program's: tables it reads a part of
};

/// What a command works with.
struct Context {
  Output& output;          ///< for results
  const Style& style;      ///< for `output`
  const Options& options;  ///< resolved
  SignalWatch& signals;
  bool json = false;  ///< results as JSON, one object a line
  bool quiet = false;
  bool verbose = false;
  LogFormat log_format = LogFormat::text;
};

/// One line on standard error, not an error: what a person should know beside the results.
void note(const Context& context, std::string_view program, std::string_view text);

/// A program: its command line, its configuration and its exit code.
///
/// Every program has --config, -v, --log-level, --log-format, --help and --version. Failures of any kind end
/// as one line on standard error ("gracedb-kafka: …", or a JSON object with --json) and an ExitCode.
class Program {
 public:
  using Run = std::function<ExitCode(Context&)>;

  explicit Program(ProgramInfo info);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// What the program does without a command. Once at most.
  Options& set_main(Run run);
  Options& add_command(const CommandInfo& info, Run run);

  /// Parses and runs; once only.
  /// @return the exit code
  int run(int argc, const char* const* argv, const EnvironmentReader& environment = process_environment());

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "gracedb-kafka 0.1.0 (librdkafka 2.0.2, libcurl 7.88.1, OpenSSL 3.0.17)"
std::string version_line(std::string_view program);

/// Where the environment and the configuration file are explained in a help text.
std::string_view configuration_help();

}  // namespace gracedb::programs
