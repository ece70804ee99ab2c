#include "gracedb/auth/token.hpp"

#include "common/connection.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/token_report.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace gracedb::cli {
namespace {

using programs::Context;
using programs::ExitCode;

constexpr const char* footer =
    "Shows the token that a client on this machine would use, never the token itself. No network is used.\n"
    "With -v, every place that was looked at and what was found there.\n\n"
    "Examples:\n"
    "  gracedb-kafka token -b kafka.ligo.org:9092\n"
    "  gracedb-kafka token --for gracedb -v";

class TokenCommand {
 public:
  void add_options(programs::Options& options) {
    options.group("Token");
    options.add({.names = "--for",
                 .target = &service_,
                 .help = "kafka or gracedb [default: kafka]",
                 .value = "SERVICE",
                 .choices = {"kafka", "gracedb"}});
    options.add({.names = "--audience",
                 .target = &audiences_,
                 .help = "For this audience instead of the configured servers; may be repeated",
                 .value = "AUDIENCE"});
    options.add({.names = "--scope",
                 .target = &scope_,
                 .help = "With this scope [default: kafka.produce, or gracedb.read]",
                 .value = "SCOPE"});
    add_connection_options(options, connection_);
  }

  ExitCode run(Context& context) {
    note_sources(context.options, connection_);
    const auth::TokenRequest request = make_request();
    const auth::Discovery found = auth::discover_token(request);
    const auto now = std::chrono::system_clock::now();
    if (context.json) {
      context.output.line(token_json(request, found, now));
    } else if (context.verbose && found.token) {
      context.output.write(places_text(found));
    }
    if (!found.token) throw KafkaTokenError(auth::describe_failure(request, found));
    if (!context.json) context.output.write(token_text(request, found, now, context.style));
    return ExitCode::ok;
  }

 private:
  auth::TokenRequest make_request() const {
    const bool for_gracedb = service_ == "gracedb";
    auth::TokenRequest request;
    if (for_gracedb && audiences_.empty()) {
      request = gracedb_token_request(connection_);
    } else if (for_gracedb) {
      request.scope = rest::GraceDbOptions().token_scope;
    } else {
      request = broker_token_request(connection_, kafka::ProducerOptions().token_scope);
    }
    if (!audiences_.empty()) request.audiences = audiences_;
    if (scope_) request.scope = *scope_;
    return request;
  }

  programs::ConnectionOptions connection_;
  std::string service_ = "kafka";
  std::vector<std::string> audiences_;
  std::optional<std::string> scope_;
};

}  // namespace

void add_token(programs::Program& program) {
  const auto token = std::make_shared<TokenCommand>();
  token->add_options(
      program.add_command({.name = "token",
                           .description = "Show the token that would be used, and where it was found",
                           .footer = footer,
                           .log_level = LogLevel::off},
                          [token](Context& context) { return token->run(context); }));
}

}  // namespace gracedb::cli
