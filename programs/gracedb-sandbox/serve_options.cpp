#include "gracedb-sandbox/serve_options.hpp"

#include "core/duration.hpp"
#include "http/address.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>

namespace gracedb::sandbox::commands {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::optional<std::string>() : text;
}

http::Address read_listen(const std::string& text) {
  try {
    return http::parse_address(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("--listen ") + error.what());
  }
}

std::chrono::milliseconds read_duration(const std::string& option, const std::string& text) {
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

std::optional<Operation> read_fault_target(const std::string& text) {
  try {
    return parse_fault_target(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("--fault-on: ") + error.what());
  }
}

void read_broker(const ServeOptions& options, SandboxOptions& sandbox) {
  sandbox.embedded_broker = options.broker == "embedded";
  if (!sandbox.embedded_broker) sandbox.bootstrap_servers = unless_empty(options.broker);
  if (sandbox.bootstrap_servers && sandbox.bootstrap_servers->find(':') == std::string::npos) {
    throw std::invalid_argument("--broker '" + options.broker + "': give 'embedded' or HOST:PORT");
  }
  if (!options.topics.empty() && !sandbox.embedded_broker) {
    throw std::invalid_argument("--topic makes topics on the embedded broker only; add --broker embedded");
  }
  for (const std::string& pair : options.kafka_config) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw std::invalid_argument("-X '" + pair + "': give KEY=VALUE");
    sandbox.kafka_config[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
}

}  // namespace

void ServeOptions::add_to(CLI::App& app) {
  auto& server = *app.add_option_group("Server");
  server.add_option("--listen", listen, "Where to listen; port 0 for a free one")->capture_default_str();
  server.add_option("--state-dir", state_dir,
                    "Keep database, keys and token here [a folder that is removed at exit]");
  server.add_option("--instance-name", instance_name,
                    "Instance name of the topics [the host of the service URL]");
  auto* const certificate =
      server.add_option("--tls-cert", tls_certificate, "Serve HTTPS with this certificate (PEM)")
          ->check(CLI::ExistingFile);
  auto* const key =
      server.add_option("--tls-key", tls_key, "Its private key (PEM)")->check(CLI::ExistingFile);
  certificate->needs(key);
  key->needs(certificate);
  server.add_flag("--no-fsync", no_fsync, "Do not wait for the disk (never done in a temporary folder)");
  server.add_option("--answer-delay", answer_delay, "Wait this long before each answer, e.g. 20ms");

  auto& tokens = *app.add_option_group("Tokens");
  tokens.add_flag("--no-auth", no_auth, "Let everybody in, as user 'sandbox'");
  tokens
      .add_option("--issuer", issuer,
                  "Issuer of tokens, the only one accepted; 'self' for this server's address")
      ->capture_default_str();
  tokens.add_option("--audience", audience, "Accept tokens for this audience too");
  tokens.add_option("--token-file", token_file,
                    "Keep a valid token in this file [token in the state folder]");
  tokens.add_option("--token-subject", token_subject, "Subject of that token")->capture_default_str();
  tokens.add_option("--token-scope", token_scope, "Scope of that token")->capture_default_str();
  tokens.add_option("--token-audience", token_audience, "Audience of that token")->capture_default_str();
  tokens.add_option("--token-lifetime", token_lifetime, "Lifetime of that token")->capture_default_str();
  tokens.add_option("--renew-before", renew_before,
                    "Renew it this long before its end [a quarter of the lifetime]");

  auto& kafka = *app.add_option_group("Kafka");
  kafka.add_option("--broker", broker, "'embedded', or HOST:PORT of a broker to publish alerts to");
  kafka.add_option("-X", kafka_config, "A librdkafka property KEY=VALUE for publishing alerts")
      ->allow_extra_args(false);
  kafka
      .add_option("--topic", topics,
                  "Make this topic on the embedded broker [<instance>.test and one a pipeline]")
      ->allow_extra_args(false);
  kafka.add_option("--partitions", partitions, "Partitions of each of them")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();

  auto& fault_group = *app.add_option_group("Faults");
  fault_group
      .add_option(
          "--fault", faults,
          "WHAT[:PROBABILITY][@TARGET][*TIMES] with WHAT one of 503, 503+retry-after=1, slow=250ms, hang-up, "
          "hang, drop-answer; repeatable")
      ->allow_extra_args(false);
  fault_group
      .add_option("--fault-on", fault_on, "Target of faults that name none: reserve, upload, create or all")
      ->capture_default_str();
  fault_group.add_option("--seed", seed, "Makes the faults repeatable")->capture_default_str();

  app.add_flag("--json", json, "Say that the server is ready as one line of JSON");
  app.add_flag("--exit-with-parent", exit_with_parent, "Stop when the process that started this one ends");
  app.add_flag("-v,--verbose", verbose, "Log more; -vv for each request");
}

SandboxOptions ServeOptions::to_sandbox_options() const {
  SandboxOptions sandbox;
  sandbox.server.address = read_listen(listen);
  if (!tls_certificate.empty()) sandbox.server.tls_certificate = tls_certificate;
  if (!tls_key.empty()) sandbox.server.tls_key = tls_key;
  sandbox.server.answer_delay = read_duration("--answer-delay", answer_delay);
  if (!state_dir.empty()) sandbox.state_dir = state_dir;
  sandbox.wait_for_disk = !no_fsync;
  check_instance_name(instance_name);
  sandbox.instance_name = unless_empty(instance_name);

  sandbox.authenticate = !no_auth;
  sandbox.audience = audience;
  sandbox.token = {
      .subject = token_subject,
      .issuer = issuer,
      .audience = token_audience,
      .scope = token_scope,
      .lifetime = std::chrono::ceil<std::chrono::seconds>(read_duration("--token-lifetime", token_lifetime))};
  if (sandbox.token.lifetime.count() == 0) throw std::invalid_argument("--token-lifetime: give more than 0");
  if (!token_file.empty()) sandbox.token_file = token_file;
  if (!renew_before.empty()) sandbox.renew_before = read_duration("--renew-before", renew_before);

  read_broker(*this, sandbox);
  sandbox.topics = topics;
  sandbox.partitions = partitions;

  const auto target = read_fault_target(fault_on);
  for (const std::string& spec : faults)
    sandbox.faults.push_back(parse_fault(spec, target));
  sandbox.seed = seed;
  return sandbox;
}

}  // namespace gracedb::sandbox::commands
