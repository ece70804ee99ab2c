#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

/// Exit codes, and how an exception becomes one.
namespace gracedb::programs {

/// A program stopped by a signal exits with 128 plus the signal's number.
enum class ExitCode {
  ok = 0,
  /// Any other failure.
  other = 1,
  /// Invalid options, configuration or arguments.
  usage = 2,
  /// No usable token, or the broker or GraceDB rejects the credentials.
  authentication = 3,
  /// The broker or GraceDB is unreachable or unavailable (502, 503, 504).
  unreachable = 4,
  /// The topic does not exist or access to it is denied.
  topic = 5,
  /// The broker did not confirm the message.
  not_delivered = 6,
  /// GraceDB rejected the request.
  refused = 7,
  /// Standard output is a broken pipe; the value that a shell reports for SIGPIPE.
  broken_pipe = 141,
};

/// The exit codes for a help text.
std::string_view exit_code_help();

/// Invalid options, configuration or arguments. The message names the option and a valid value.
class UsageError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// A failure with an explicit exit code.
class ProgramError : public std::runtime_error {
 public:
  ProgramError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A failure as the program reports it.
struct Failure {
  ExitCode code = ExitCode::other;
  /// Redacted. One line, except for a token error, which lists every location searched for a token.
  std::string message;
};

/// Converts any exception to an exit code and a message.
Failure describe(const std::exception_ptr& error) noexcept;

/// One line of JSON: {"error": …, "code": …}
std::string to_json(const Failure& failure);

}  // namespace gracedb::programs
