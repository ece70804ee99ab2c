#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gracedb::programs {

/// What a program's exit code says. A program ended by a signal exits with 128 and the signal's number.
enum class ExitCode {
  ok = 0,
  other = 1,
  usage = 2,           ///< wrong options, configuration or arguments
  authentication = 3,  ///< no usable token, or the broker or GraceDB does not accept it
  unreachable = 4,     ///< broker or GraceDB not reached, or for the moment not serving (502, 503, 504)
  topic = 5,           ///< the topic does not exist or is not allowed
  not_delivered = 6,   ///< the broker has not confirmed the message
  refused = 7,         ///< GraceDB has refused the request
  broken_pipe = 141,   ///< the reader of the results has gone, as the shell reports SIGPIPE
};

/// The same for a help text.
std::string_view exit_code_help();

/// Wrong options, configuration or arguments. The message names the option and the way to a right one.
class UsageError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// A failure with an exit code of its own choosing.
class ProgramError : public std::runtime_error {
 public:
  ProgramError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// What a failure is to the caller of a program.
struct Failure {
  ExitCode code = ExitCode::other;
  std::string
      message;  ///< free of tokens; one line, except for KafkaTokenError, which lists the places looked at
};

/// The one place where an exception becomes an exit code and a text.
Failure describe(const std::exception_ptr& error) noexcept;

/// One line of JSON: {"error": …, "code": …}
std::string to_json(const Failure& failure);

}  // namespace gracedb::programs
