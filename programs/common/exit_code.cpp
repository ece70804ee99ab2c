#include "common/exit_code.hpp"

#include "gracedb/errors.hpp"

#include "core/redact.hpp"

#include <librdkafka/rdkafka.h>
#include <nlohmann/json.hpp>

#include <new>

namespace gracedb::programs {
namespace {

// GraceDB answers an anonymous client with 403 and this text, rarely with 401.
bool is_anonymous(const HttpError& error) {
  constexpr std::string_view no_credentials = "credentials were not provided";
  return error.status() == 401 ||
         (error.status() == 403 && error.body().find(no_credentials) != std::string::npos);
}

ExitCode code_of(const HttpError& error) {
  if (is_anonymous(error)) return ExitCode::authentication;
  const int status = error.status();
  return status == 502 || status == 503 || status == 504 ? ExitCode::unreachable : ExitCode::refused;
}

// Only the error code of a delivery report shows that the topic is missing or access is denied.
ExitCode code_of(const KafkaProducerError& error) {
  switch (error.code()) {
    case KafkaErrorCode::topic_not_found:
    case KafkaErrorCode::topic_forbidden:
    case KafkaErrorCode::partition_not_found:
      return ExitCode::topic;
    default:
      return ExitCode::not_delivered;
  }
}

// Replaces each line break and the spaces around it by one space.
std::string one_line(std::string_view text) {
  std::string line;
  bool at_break = false;
  for (const char c : text) {
    if (c == '\n') {
      at_break = true;
    } else if (!at_break) {
      line += c;
    } else if (c != ' ') {
      while (line.ends_with(' '))
        line.pop_back();
      line.append(line.empty() ? "" : " ").append(1, c);
      at_break = false;
    }
  }
  return line;
}

Failure failure(ExitCode code, const std::exception& error) { return {code, one_line(redact(error.what()))}; }

// Derived classes before their bases.
Failure classify(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const ProgramError& e) {
    return failure(e.code(), e);
  } catch (const KafkaTokenError& e) {
    return {ExitCode::authentication, redact(e.what())};
  } catch (const KafkaAuthenticationError& e) {
    return failure(ExitCode::authentication, e);
  } catch (const CredentialError& e) {
    return {ExitCode::authentication, redact(e.what())};
  } catch (const KafkaTopicError& e) {
    return failure(ExitCode::topic, e);
  } catch (const KafkaProducerError& e) {
    return failure(code_of(e), e);
  } catch (const KafkaConnectionError& e) {
    return failure(ExitCode::unreachable, e);
  } catch (const HttpError& e) {
    return failure(code_of(e), e);
  } catch (const HttpConnectionError& e) {
    return failure(ExitCode::unreachable, e);
  } catch (const std::invalid_argument& e) {
    return failure(ExitCode::usage, e);
  } catch (const std::bad_alloc&) {
    return {ExitCode::other, "out of memory"};
  } catch (const std::exception& e) {
    return failure(ExitCode::other, e);
  } catch (...) {
    return {ExitCode::other, "unknown error"};
  }
}

}  // namespace

Failure describe(const std::exception_ptr& error) noexcept {
  try {
    return classify(error);
  } catch (...) {
    return {};
  }
}

std::string to_json(const Failure& failure) {
  const nlohmann::ordered_json json{{"error", failure.message}, {"code", static_cast<int>(failure.code)}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string_view exit_code_help() {
  return "Exit codes:\n"
         "  0  success\n"
         "  1  any other failure\n"
         "  2  invalid options, configuration or arguments\n"
         "  3  no usable token, or the broker or GraceDB rejects the credentials\n"
         "  4  the broker or GraceDB is unreachable or unavailable (502, 503, 504)\n"
         "  5  the topic does not exist or access to it is denied\n"
         "  6  the broker did not confirm the message\n"
         "  7  GraceDB rejected the request\n"
         "  130 and 143: stopped by SIGINT (Ctrl-C) or SIGTERM; 141: broken pipe (SIGPIPE)";
}

}  // namespace gracedb::programs
