#include "common/exit_code.hpp"

#include "gracedb/errors.hpp"

#include "core/redact.hpp"

#include <librdkafka/rdkafka.h>
#include <nlohmann/json.hpp>

#include <new>

namespace gracedb::programs {
namespace {

// GraceDB answers an anonymous caller with 403 and this text; 401 is rare there.
bool is_missing_login(const HttpError& error) {
  constexpr std::string_view anonymous = "credentials were not provided";
  return error.status() == 401 ||
         (error.status() == 403 && error.body().find(anonymous) != std::string::npos);
}

ExitCode code_of(const HttpError& error) {
  if (is_missing_login(error)) return ExitCode::authentication;
  const int status = error.status();
  return status == 502 || status == 503 || status == 504 ? ExitCode::unreachable : ExitCode::refused;
}

// A delivery report tells a topic that is missing or not allowed by its code alone.
ExitCode code_of(const KafkaProducerError& error) {
  switch (error.code()) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return ExitCode::topic;
    default:
      return ExitCode::not_delivered;
  }
}

// A line break, and the blanks around it, become one blank.
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

// Derived classes stand before their bases.
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
    return {ExitCode::other, "unknown failure"};
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
         "  0  ok\n"
         "  1  any other failure\n"
         "  2  wrong options, configuration or arguments\n"
         "  3  no usable token, or the broker or GraceDB does not accept it\n"
         "  4  the broker or GraceDB cannot be reached, or is not serving for the moment\n"
         "  5  the topic does not exist or is not allowed\n"
         "  6  the broker has not confirmed the message\n"
         "  7  GraceDB has refused the request\n"
         "  130 and 143  ended by Ctrl-C or SIGTERM; 141: the reader of the results has gone";
}

}  // namespace gracedb::programs
