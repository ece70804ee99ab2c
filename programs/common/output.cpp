#include "common/output.hpp"

#include "common/exit_code.hpp"
#include "common/options.hpp"
#include "core/duration.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace gracedb::programs {
namespace {

class BusyFlag {
 public:
  explicit BusyFlag(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
  ~BusyFlag() { flag_ = false; }
  BusyFlag(const BusyFlag&) = delete;
  BusyFlag& operator=(const BusyFlag&) = delete;

 private:
  std::atomic<bool>& flag_;
};

[[noreturn]] void write_failed(int descriptor, int error) {
  if (error == EPIPE) throw BrokenPipe("the reader of the results closed the pipe");
  const bool closed = error == EBADF && descriptor == STDOUT_FILENO;
  throw OutputError(fmt::format("cannot write results: {}", closed ? "standard output is closed"
                                                                   : std::generic_category().message(error)));
}

constexpr std::array<std::pair<std::string_view, LogLevel>, 5> levels{{{"debug", LogLevel::debug},
                                                                       {"info", LogLevel::info},
                                                                       {"warning", LogLevel::warning},
                                                                       {"error", LogLevel::error},
                                                                       {"off", LogLevel::off}}};

std::string_view name_of(LogLevel level) {
  for (const auto& [name, value] : levels) {
    if (value == level) return name;
  }
  return "info";
}

void write_json_line(LogLevel level, std::string_view logger, std::string_view message) {
  write_json_log(level, logger, message, nlohmann::ordered_json::object());
}

}  // namespace

void Output::write(std::string_view text) {
  const BusyFlag busy(busy_);
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      write_failed(descriptor_, errno);
    }
  }
}

void Output::line(std::string_view text) {
  std::string whole;
  whole.reserve(text.size() + 1);
  whole.append(text).append(1, '\n');
  write(whole);
}

void write_error(std::string_view text) noexcept {
  try {
    // One write, so that the lines of several threads do not mix.
    const std::string line = std::string(text) + '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): nowhere to report it
  }
}

void reserve_standard_descriptors() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The wrong access mode, so that every use fails as if the descriptor were closed. open() returns the
    // lowest free number, which is this one.
    const int mode = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", mode);  // NOLINT(*-vararg)
  }
}

Style Style::of(int descriptor) {
  const EnvironmentReader environment = process_environment();
  const bool wanted = !environment("NO_COLOR") && environment("TERM").value_or("dumb") != "dumb";
  return Style(wanted && ::isatty(descriptor) == 1);
}

std::string Style::paint(std::string_view code, std::string_view text) const {
  return colored_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

LogLevel parse_log_level(std::string_view name) {
  for (const auto& [known, level] : levels) {
    if (name == known) return level;
  }
  throw UsageError(
      fmt::format(R"(the log level must be debug, info, warning, error or off, not "{}")", name));
}

LogFormat parse_log_format(std::string_view name) {
  if (name == "text") return LogFormat::text;
  if (name == "json") return LogFormat::json;
  throw UsageError(fmt::format(R"(the log format must be text or json, not "{}")", name));
}

void set_up_log(LogLevel level, LogFormat format) {
  set_log_level(level);
  set_log_sink(format == LogFormat::json ? LogSink(write_json_line) : LogSink());
}

void write_json_log(LogLevel level, std::string_view logger, std::string_view message,
                    const nlohmann::ordered_json& fields) {
  if (!log::enabled(level)) return;
  nlohmann::ordered_json json{{"time", format_rfc3339(std::chrono::system_clock::now())},
                              {"level", name_of(level)},
                              {"logger", logger},
                              {"message", message}};
  for (const auto& [name, value] : fields.items())
    json[name] = value;
  write_error(redact(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
}

}  // namespace gracedb::programs
