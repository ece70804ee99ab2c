#include "gracedb/logging.hpp"

#include "core/duration.hpp"
#include "core/json.hpp"
#include "gracedb-sandbox/commands.hpp"
#include "http/address.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>

namespace gracedb::sandbox::commands {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::optional<std::string>() : text;
}

http::Address parse_listen(const std::string& text) {
  try {
    return http::parse_address(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("--listen ") + error.what());
  }
}

std::chrono::milliseconds parse_option_duration(const std::string& option, const std::string& text) {
  try {
    const auto duration = parse_signed_duration(text);
    if (duration.count() >= 0) return duration;
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(option + ": " + error.what());
  }
  throw std::invalid_argument(option + ": '" + text + "' is negative");
}

void check_instance_name(const std::string& name) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  if (name.find_first_not_of(allowed) == std::string::npos) return;
  throw std::invalid_argument("--instance-name '" + name +
                              "': give letters, digits, '-' and '_' only, e.g. gracedb-dev");
}

std::optional<Operation> parse_fault_on(const std::string& text) {
  try {
    return parse_fault_target(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("--fault-on: ") + error.what());
  }
}

void set_broker(const ServeOptions& options, SandboxOptions& sandbox) {
  sandbox.embedded_broker = options.broker == "embedded";
  if (!sandbox.embedded_broker) sandbox.bootstrap_servers = unless_empty(options.broker);
  if (sandbox.bootstrap_servers && sandbox.bootstrap_servers->find(':') == std::string::npos) {
    throw std::invalid_argument("--broker '" + options.broker + "': give 'embedded' or HOST:PORT");
  }
  if (!options.topics.empty() && !sandbox.embedded_broker) {
    throw std::invalid_argument("--topic creates topics on the embedded broker only; add --broker embedded");
  }
  for (const std::string& pair : options.kafka_config) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw std::invalid_argument("-X '" + pair + "': give KEY=VALUE");
    sandbox.kafka_config[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
}

/// One line of JSON for programs.
std::string readiness_json(const Sandbox& sandbox) {
  const auto bootstrap_servers = sandbox.bootstrap_servers();
  const nlohmann::json document = {
      {"service_url", sandbox.service_url()},
      {"instance_name", sandbox.instance_name()},
      {"bootstrap_servers", bootstrap_servers ? nlohmann::json(*bootstrap_servers) : nlohmann::json(nullptr)},
      {"token_file", sandbox.token_file().string()},
      {"jwks", sandbox.jwks().string()},
      {"state_dir", sandbox.state_dir().string()},
      {"issuer", sandbox.issuer()}};
  return dump_json(document) + "\n";
}

/// The environment of clients, to paste into a shell.
std::string readiness_text(const Sandbox& sandbox, bool is_authentication_off, bool is_broker_embedded) {
  std::string text = "GraceDB sandbox is ready; Ctrl-C ends it.\n";
  if (is_authentication_off) text += "Authentication is off: every client is user 'sandbox'.\n";
  text += "export GRACEDB_SERVICE_URL=" + sandbox.service_url() + "\n";
  if (const auto bootstrap_servers = sandbox.bootstrap_servers()) {
    text += "export GRACEDB_KAFKA_BOOTSTRAP_SERVERS=" + *bootstrap_servers + "\n";
  }
  if (is_broker_embedded) text += "export GRACEDB_KAFKA_PLAINTEXT=true\n";
  text += "export BEARER_TOKEN_FILE=" + sandbox.token_file().string() + "\n";
  return text;
}

/// Blocks INT, TERM and HUP in all threads until wait().
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

LogLevel level_of(int verbose) {
  if (verbose == 0) return LogLevel::warning;
  return verbose == 1 ? LogLevel::info : LogLevel::debug;
}

void follow_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);  // the parent has ended before prctl()
}

int serve(const ServeOptions& options) {
  const pid_t parent = ::getppid();
  const StopSignals stop;
  if (options.exit_with_parent) follow_parent(parent);
  set_log_level(level_of(options.verbose));
  const SandboxOptions sandbox_options = options.to_sandbox_options();
  const Sandbox sandbox(sandbox_options);
  const std::string text = options.json
                               ? readiness_json(sandbox)
                               : readiness_text(sandbox, options.no_auth, sandbox_options.embedded_broker);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  stop.wait();
  return 0;
}

}  // namespace

void ServeOptions::add_to(CLI::App& app) {
  auto& server = *app.add_option_group("Server");
  server.add_option("--listen", listen, "Address to listen on; port 0 for a free one")->capture_default_str();
  server.add_option("--state-dir", state_dir,
                    "Directory for database, keys and token [temporary, removed at exit]");
  server.add_option("--instance-name", instance_name,
                    "Instance name in topic names [the host of the service URL]");
  auto* const certificate =
      server.add_option("--tls-cert", tls_certificate, "Serve HTTPS with this certificate (PEM)")
          ->check(CLI::ExistingFile);
  auto* const key =
      server.add_option("--tls-key", tls_key, "Its private key (PEM)")->check(CLI::ExistingFile);
  certificate->needs(key);
  key->needs(certificate);
  server.add_flag("--no-fsync", no_fsync, "Do not wait for the disk (the default in a temporary directory)");
  server.add_option("--answer-delay", answer_delay, "Delay each answer, e.g. 20ms");

  auto& tokens = *app.add_option_group("Tokens");
  tokens.add_flag("--no-auth", no_auth, "Accept every client as user 'sandbox'");
  tokens.add_option("--issuer", issuer, "The only accepted token issuer; 'self' for the URL of this server")
      ->capture_default_str();
  tokens.add_option("--audience", audience, "Also accept tokens for this audience");
  tokens.add_option("--token-file", token_file,
                    "File to keep a valid token in [token in the state directory]");
  tokens.add_option("--token-subject", token_subject, "Subject of the token in that file")
      ->capture_default_str();
  tokens.add_option("--token-scope", token_scope, "Scope of the token")->capture_default_str();
  tokens.add_option("--token-audience", token_audience, "Audience of the token")->capture_default_str();
  tokens.add_option("--token-lifetime", token_lifetime, "Lifetime of the token")->capture_default_str();
  tokens.add_option("--renew-before", renew_before,
                    "Renew the token this long before it expires [a quarter of the lifetime]");

  auto& kafka = *app.add_option_group("Kafka");
  kafka.add_option("--broker", broker, "'embedded', or HOST:PORT of a broker for alerts");
  kafka.add_option("-X", kafka_config, "librdkafka property KEY=VALUE for publishing alerts")
      ->allow_extra_args(false);
  kafka
      .add_option("--topic", topics,
                  "Create this topic on the embedded broker [<instance>.test and one for each pipeline]")
      ->allow_extra_args(false);
  kafka.add_option("--partitions", partitions, "Partitions of each topic")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();

  auto& fault_group = *app.add_option_group("Fault injection");
  fault_group
      .add_option(
          "--fault", faults,
          "WHAT[:PROBABILITY][@TARGET][*TIMES] with WHAT one of 503, 503+retry-after=1, slow=250ms, hang-up, "
          "hang, drop-answer; repeatable")
      ->allow_extra_args(false);
  fault_group.add_option("--fault-on", fault_on, "Default target of faults: reserve, upload, create or all")
      ->capture_default_str();
  fault_group.add_option("--seed", seed, "Seed of the fault probabilities")->capture_default_str();

  app.add_flag("--json", json, "Print one line of JSON when ready");
  app.add_flag("--exit-with-parent", exit_with_parent, "Stop when the parent process ends");
  app.add_flag("-v,--verbose", verbose, "Log more; -vv logs each request");
}

SandboxOptions ServeOptions::to_sandbox_options() const {
  SandboxOptions sandbox;
  sandbox.server.address = parse_listen(listen);
  if (!tls_certificate.empty()) sandbox.server.tls_certificate = tls_certificate;
  if (!tls_key.empty()) sandbox.server.tls_key = tls_key;
  sandbox.answer_delay = parse_option_duration("--answer-delay", answer_delay);
  if (!state_dir.empty()) sandbox.state_dir = state_dir;
  sandbox.fsync = !no_fsync;
  check_instance_name(instance_name);
  sandbox.instance_name = unless_empty(instance_name);

  sandbox.authenticate = !no_auth;
  sandbox.audience = audience;
  sandbox.token = {.subject = token_subject,
                   .issuer = issuer,
                   .audience = token_audience,
                   .scope = token_scope,
                   .lifetime = std::chrono::ceil<std::chrono::seconds>(
                       parse_option_duration("--token-lifetime", token_lifetime))};
  if (sandbox.token.lifetime.count() == 0)
    throw std::invalid_argument("--token-lifetime must be greater than 0");
  if (!token_file.empty()) sandbox.token_file = token_file;
  if (!renew_before.empty()) sandbox.renew_before = parse_option_duration("--renew-before", renew_before);

  set_broker(*this, sandbox);
  sandbox.topics = topics;
  sandbox.partitions = partitions;

  const auto target = parse_fault_on(fault_on);
  for (const std::string& spec : faults)
    sandbox.faults.push_back(parse_fault(spec, target));
  sandbox.seed = seed;
  return sandbox;
}

Run add_serve(CLI::App& app) {
  const auto options = std::make_shared<ServeOptions>();
  options->add_to(app);
  return [options] { return serve(*options); };
}

}  // namespace gracedb::sandbox::commands
