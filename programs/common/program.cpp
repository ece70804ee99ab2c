#include "common/program.hpp"

#include "core/log.hpp"
#include "core/redact.hpp"

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <librdkafka/rdkafka.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

namespace gracedb::programs {
namespace {

constexpr log::Logger logger{"gracedb.program"};

bool asks_for_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) return true;  // NOLINT(*-pointer-arithmetic)
  }
  return false;
}

std::string word_after(std::string_view text, std::string_view name) {
  const std::size_t start = text.find(name);
  if (start == std::string_view::npos) return "?";
  const std::size_t from = start + name.size();
  return std::string(text.substr(from, text.find(' ', from) - from));
}

}  // namespace

std::string version_line(std::string_view program) {
  const std::string openssl = word_after(OpenSSL_version(OPENSSL_VERSION), "OpenSSL ");
  return fmt::format("{} {} (librdkafka {}, libcurl {}, OpenSSL {})", program, GRACEDB_KAFKA_VERSION,
                     rd_kafka_version_str(), curl_version_info(CURLVERSION_NOW)->version, openssl);
}

std::string_view configuration_help() {
  return "Configuration:\n"
         "  The environment variable [$NAME] and the configuration file also set an option. The file is\n"
         "  $XDG_CONFIG_HOME/gracedb-kafka/config.toml, by default under ~/.config. Its keys are the option\n"
         "  names with underscores: bootstrap_servers = \"kafka.ligo.org:9092\". librdkafka properties are "
         "in\n"
         "  its table [properties] or, separated by semicolons, in $GRACEDB_KAFKA_PROPERTIES. The command\n"
         "  line overrides the environment, which overrides the file.\n"
         "  The token is discovered by the WLCG rules: $BEARER_TOKEN, $BEARER_TOKEN_FILE,\n"
         "  $XDG_RUNTIME_DIR/bt_u<uid>, /tmp/bt_u<uid>, after the locations of SciTokens and HTCondor.\n"
         "  \"gracedb-kafka token -v\" lists every location.";
}

void note(const Context& context, std::string_view program, std::string_view text) {
  if (!context.quiet) write_error(fmt::format("{}: {}", program, redact(text)));
}

class Program::Impl {
 public:
  explicit Impl(ProgramInfo info) : info_(std::move(info)), app_(info_.description, info_.name) {
    app_.set_version_flag("--version", [this] { return version_line(info_.name); });
    app_.set_help_flag("-h,--help");
    app_.fallthrough();  // --version is valid after a command too
  }

  Options& set_main(Run run) {
    main_ = &add(app_, {.name = {}, .description = {}, .footer = {}, .log_level = {}}, std::move(run));
    return main_->options;
  }

  Options& add_command(const CommandInfo& info, Run run) {
    const std::size_t space = info.name.find(' ');
    CLI::App& group = space == std::string::npos ? app_ : group_of_commands(info.name.substr(0, space));
    CLI::App& command = *group.add_subcommand(info.name.substr(space + 1), info.description);
    command.footer(info.footer);
    return add(command, info, std::move(run)).options;
  }

  int run(int argc, const char* const* argv, const EnvironmentReader& environment) {
    reserve_standard_descriptors();
    Output output(STDOUT_FILENO);
    SignalHandler signals(info_.name, [&output] { return output.busy(); });
    json_ = asks_for_json(argc, argv);
    ExitCode code = ExitCode::other;
    try {
      code = parse_and_run(argc, argv, environment, output, signals);
    } catch (const BrokenPipe&) {
      code = ExitCode::broken_pipe;
    } catch (...) {
      const Failure failure = describe(std::current_exception());
      write_error(json_ ? to_json(failure) : fmt::format("{}: {}", info_.name, failure.message));
      code = failure.code;
    }
    if (const auto signal = signals.received()) logger.info("stopped by {}", signal_name(*signal));
    return static_cast<int>(signals.received() && !info_.is_service ? signals.exit_code() : code);
  }

 private:
  struct Command {
    CLI::App* app;
    Options options;
    Run run;
    LogLevel log_level;
    bool shows_results;
    std::vector<std::string> other_sections;
  };

  CLI::App& group_of_commands(const std::string& name) {
    CLI::App*& group = groups_[name];
    if (group == nullptr) group = app_.add_subcommand(name);
    return *group;
  }

  Command& add(CLI::App& app, const CommandInfo& info, Run run) {
    std::vector<std::string> other_sections = info_.other_sections;
    other_sections.insert(other_sections.end(), info.other_sections.begin(), info.other_sections.end());
    commands_.push_back(std::make_unique<Command>(
        Command{&app, Options(app), std::move(run), info.log_level.value_or(info_.log_level),
                info_.shows_results || info.shows_results, std::move(other_sections)}));
    return *commands_.back();
  }

  void add_common_options(Command& command) {
    Options& options = command.options;
    options.group("General");
    if (command.shows_results) {
      options.add({.names = "--json", .target = &json_, .help = "Print results as JSON, one object a line"});
      options.add(
          {.names = "-q,--quiet", .target = &quiet_, .help = "Print only the essential result and errors"});
    }
    options.add({.names = "-v,--verbose", .target = &verbose_, .help = "Print more; -vv for debugging"});
    options.add({.names = "--log-level",
                 .target = &log_level_,
                 .help = "debug, info, warning, error or off",
                 .value = "LEVEL",
                 .key = "log_level"});
    options.add({.names = "--log-format",
                 .target = &log_format_,
                 .help = "text or json",
                 .value = "FORMAT",
                 .key = "log_format"});
    options.add({.names = "--config", .target = &config_, .help = "Configuration file", .value = "FILE"});
  }

  ExitCode parse_and_run(int argc, const char* const* argv, const EnvironmentReader& environment,
                         Output& output, SignalHandler& signals) {
    // Last, so that a help text begins with the options of the command.
    for (const auto& each : commands_)
      add_common_options(*each);
    Command* command = nullptr;
    try {
      app_.parse(argc, argv);
      command = &chosen_command();
    } catch (const CLI::CallForHelp&) {
      output.write(help());
      return ExitCode::ok;
    } catch (const CLI::CallForVersion& version) {
      output.line(version.what());
      return ExitCode::ok;
    } catch (const CLI::ParseError& error) {
      throw UsageError(usage_message(error));
    }
    const auto config = command->app->get_option("--config")->count() > 0
                            ? std::optional(command->app->get_option("--config")->results().back())
                            : environment("GRACEDB_KAFKA_CONFIG");
    command->options.resolve(ConfigFile::find(config, environment), environment, command->other_sections);
    set_up_log(chosen_log_level(*command), parse_log_format(log_format_));
    const Style style = Style::of(STDOUT_FILENO);
    Context context{.output = output,
                    .style = style,
                    .options = command->options,
                    .signals = signals,
                    .json = json_,
                    .quiet = quiet_,
                    .verbose = verbose_.times > 0,
                    .log_format = parse_log_format(log_format_)};
    return command->run(context);
  }

  // The command on the command line, or the main function; nullptr if a second word is missing.
  Command* find_command() {
    for (const auto& command : commands_) {
      if (command->app != &app_ && command->app->parsed()) return command.get();
    }
    return given_group() == nullptr ? main_ : nullptr;
  }

  // "dead-letters", if that is on the command line.
  const CLI::App* given_group() const {
    const auto given = app_.get_subcommands();
    return given.empty() ? nullptr : given.front();
  }

  Command& chosen_command() {
    Command* const command = find_command();
    if (command == nullptr) throw UsageError(fmt::format("missing command; {}", command_names()));
    if (command != main_) require_no_main_options(*command);
    return *command;
  }

  // CLI11 accepts the options of the main function with a command too, where they have no effect.
  void require_no_main_options(const Command& command) const {
    for (const CLI::Option* option : app_.get_options()) {
      if (option->count() == 0) continue;
      throw UsageError(fmt::format("{0} is not an option of {1}, or precedes the command; see {1} --help",
                                   option->get_name(), full_name(*command.app)));
    }
  }

  std::string command_names() const {
    const CLI::App* const group = given_group();
    std::vector<std::string> names;
    for (const auto& command : commands_) {
      const bool is_candidate =
          group == nullptr ? command->app != &app_ : command->app->get_parent() == group;
      if (is_candidate) names.push_back(name_within_program(*command->app));
    }
    return fmt::format("use one of {}; see {} --help", fmt::join(names, ", "), info_.name);
  }

  // "upload", "dead-letters list"
  std::string name_within_program(const CLI::App& app) const {
    const CLI::App* const parent = app.get_parent();
    return parent == &app_ ? app.get_name() : parent->get_name() + " " + app.get_name();
  }

  // "gracedb-kafka upload"
  std::string full_name(const CLI::App& app) const {
    return &app == &app_ ? info_.name : info_.name + " " + name_within_program(app);
  }

  std::string usage_message(const CLI::ParseError& error) {
    const Command* command = find_command();
    if (command != nullptr) return fmt::format("{} (see {} --help)", error.what(), full_name(*command->app));
    const std::vector<std::string> unknown = app_.remaining();
    if (unknown.empty()) return error.what();
    if (unknown.front().starts_with('-')) {
      return fmt::format("{} precedes the command; options follow the command", unknown.front());
    }
    return fmt::format(R"(unknown command "{}"; {})", unknown.front(), command_names());
  }

  std::string help() {
    const Command* command = find_command();
    return command == nullptr ? program_help() : command_help(*command);
  }

  std::string program_help() const {
    const std::vector<HelpSection> sections{command_section(),
                                            {.heading = "Options", .entries = help_and_version()}};
    return fmt::format("{}\n\nUsage: {} COMMAND [OPTIONS]\n\n{}\n{}\n", info_.description, info_.name,
                       format_help(sections), info_.footer);
  }

  HelpSection command_section() const {
    HelpSection section{.heading = "Commands", .entries = {}};
    for (const auto& each : commands_) {
      if (each->app == &app_) continue;
      section.entries.emplace_back(name_within_program(*each->app), each->app->get_description());
    }
    return section;
  }

  std::string command_help(const Command& command) const {
    const bool is_whole_program = command.app == &app_;
    std::vector<HelpSection> sections = command.options.help();
    if (is_whole_program) sections.insert(sections.begin(), command_section());
    for (auto& entry : help_and_version())
      sections.back().entries.push_back(std::move(entry));
    return fmt::format("{}\n\nUsage: {} [OPTIONS]{}\n\n{}\n{}\n", command.app->get_description(),
                       full_name(*command.app), command.options.arguments(), format_help(sections),
                       is_whole_program ? info_.footer : command.app->get_footer());
  }

  static std::vector<std::pair<std::string, std::string>> help_and_version() {
    return {{"-h, --help", "Show this help and exit"}, {"    --version", "Show versions and exit"}};
  }

  LogLevel chosen_log_level(const Command& command) const {
    if (verbose_.times > 1) return LogLevel::debug;
    if (verbose_.times == 1) return LogLevel::info;
    if (log_level_) return parse_log_level(*log_level_);
    return quiet_ ? std::max(LogLevel::error, command.log_level) : command.log_level;
  }

  ProgramInfo info_;
  CLI::App app_;
  std::vector<std::unique_ptr<Command>> commands_;
  std::map<std::string, CLI::App*> groups_;  // first words of commands of two words, e.g. "dead-letters"
  Command* main_ = nullptr;

  bool json_ = false;
  bool quiet_ = false;
  FlagCount verbose_;
  std::optional<std::string> log_level_;
  std::string log_format_ = "text";
  std::optional<std::string> config_;
};

Program::Program(ProgramInfo info) : impl_(std::make_unique<Impl>(std::move(info))) {}
Program::~Program() = default;

Options& Program::set_main(Run run) { return impl_->set_main(std::move(run)); }

Options& Program::add_command(const CommandInfo& info, Run run) {
  return impl_->add_command(info, std::move(run));
}

int Program::run(int argc, const char* const* argv, const EnvironmentReader& environment) {
  return impl_->run(argc, argv, environment);
}

}  // namespace gracedb::programs
