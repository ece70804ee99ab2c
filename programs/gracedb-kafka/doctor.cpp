#include "gracedb-kafka/doctor.hpp"

#include "gracedb/kafka/producer.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/probes.hpp"
#include "gracedb-kafka/token.hpp"
#include "gracedb-kafka/topics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace gracedb::cli {

using programs::Context;
using programs::ExitCode;
using programs::Failure;
using std::chrono::milliseconds;

// ---- Report

namespace {

// Failures of the library. The message of a connection failure already contains its remedy.
std::string advice_for(ExitCode code) {
  switch (code) {
    case ExitCode::authentication:
      return "\"gracedb-kafka token -v\" shows the token and where it was found";
    case ExitCode::topic:
      return "\"gracedb-kafka topics --all\" lists the topics that this token may see";
    default:
      return {};
  }
}

std::string advice_of(const std::exception_ptr& error, ExitCode code) {
  try {
    std::rethrow_exception(error);
  } catch (const ProbeError& probe) {
    return probe.advice();
  } catch (...) {
    return advice_for(code);
  }
}

}  // namespace

bool DoctorReport::step(std::string_view name, const Check& check) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] { return std::chrono::steady_clock::now() - start; };
  CheckResult result;
  try {
    result = check();
  } catch (const std::exception&) {
    const auto error = std::current_exception();
    const Failure failure = programs::describe(error);
    const std::string advice = advice_of(error, failure.code);
    if (!first_failure_) first_failure_ = FirstFailure{std::string(name), failure, advice};
    print({name, State::failed, elapsed(), failure.message, advice});
    return false;
  }
  const bool warned = !result.warning.empty();
  const std::string detail = warned ? fmt::format("{}; {}", result.detail, result.warning) : result.detail;
  print({name, warned ? State::warning : State::ok, elapsed(), detail, {}});
  return true;
}

bool DoctorReport::step_if(bool possible, std::string_view name, const Check& check) {
  if (possible) return step(name, check);
  skip(name, "an earlier step failed");
  return false;
}

void DoctorReport::skip(std::string_view name, std::string_view reason) {
  print({name, State::skipped, std::nullopt, std::string(reason), {}});
}

ExitCode DoctorReport::conclude() const {
  if (!first_failure_) return ExitCode::ok;
  const auto& [step, failure, advice] = *first_failure_;
  std::string text = fmt::format("{} failed: {}", step, failure.message);
  if (!advice.empty() && text.find(advice) == std::string::npos) text += ". " + advice;
  throw programs::ProgramError(failure.code, text);
}

void DoctorReport::print(const Line& line) const {
  context_.output.line(context_.json ? json_of(line) : text_of(line));
}

std::string_view DoctorReport::name_of(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::warning:
      return "warning";
    case State::failed:
      return "FAILED";
    case State::skipped:
      return "skipped";
  }
  return "?";
}

std::string DoctorReport::text_of(const Line& line) const {
  const auto& style = context_.style;
  const std::string mark = fmt::format("{:<7}", name_of(line.state));
  const std::string painted = line.state == State::ok        ? style.green(mark)
                              : line.state == State::failed  ? style.red(mark)
                              : line.state == State::warning ? style.yellow(mark)
                                                             : style.dim(mark);
  const std::string time = line.time ? format_duration(*line.time) : "";
  return fmt::format("{:<8}  {}  {:>7}  {}", line.name, painted, time, printable_line(line.detail));
}

std::string DoctorReport::json_of(const Line& line) {
  nlohmann::ordered_json json{{"step", line.name},
                              {"state", line.state == State::failed ? "failed" : name_of(line.state)},
                              {"seconds", nullptr},
                              {"detail", line.detail}};
  if (line.time) json["seconds"] = to_seconds(*line.time);
  if (!line.advice.empty()) json["advice"] = line.advice;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// ---- Checks

namespace {

constexpr const char* footer =
    "Checks and times each step of the path to the broker and GraceDB: DNS, TCP, TLS, token, login, topic,\n"
    "GraceDB. Writes no message. Reports the remedy for the first failure and exits with its code.";

// A bootstrap server and one of its addresses.
struct Endpoint {
  Server server;
  Address address;
};

class Doctor {
 public:
  void add_options(programs::Options& options);
  ExitCode run(Context& context);

 private:
  CheckResult check_dns();
  CheckResult check_tcp();
  CheckResult check_tls() const;
  CheckResult check_listener() const;
  CheckResult check_token() const;
  CheckResult check_login();
  CheckResult check_topic() const;
  CheckResult check_gracedb() const;
  [[noreturn]] void throw_without_tls(const ProbeError& failure) const;

  programs::ConnectionOptions connection_;
  std::optional<std::string> topic_;
  milliseconds timeout_{5'000};

  std::vector<Endpoint> endpoints_;
  // The first one that accepted a connection.
  std::optional<Endpoint> endpoint_;
  std::vector<kafka::TopicInfo> topics_;
};

void Doctor::add_options(programs::Options& options) {
  options.group("Doctor");
  options.add({.names = "-t,--topic",
               .target = &topic_,
               .help = "Check the topic of this pipeline [default: any topic of the instance]",
               .value = "PIPELINE"});
  options.add({.names = "--timeout",
               .target = &timeout_,
               .help = "Time limit of each step [default: 5s]",
               .value = "DURATION"});
  add_connection_options(options, connection_);
}

ExitCode Doctor::run(Context& context) {
  note_sources(context.options, connection_);
  require_bootstrap_servers(connection_);
  require_instance_name(connection_);
  const std::string protocol = security_protocol(connection_);
  const bool tls = protocol.ends_with("SSL");
  const bool login = protocol.starts_with("SASL");

  DoctorReport report(context);
  const bool resolved = report.step("DNS", [this] { return check_dns(); });
  const bool connected = report.step_if(resolved, "TCP", [this] { return check_tcp(); });
  const bool secured = tls ? report.step_if(connected, "TLS", [this] { return check_tls(); })
                           : report.step_if(connected, "listener", [this] { return check_listener(); });
  const bool has_token = !login || report.step("token", [this] { return check_token(); });
  const bool logged_in =
      report.step_if(secured && has_token, login ? "SASL" : "broker", [this] { return check_login(); });
  report.step_if(logged_in, "topic", [this] { return check_topic(); });
  if (connection_.service_url) {
    report.step("GraceDB", [this] { return check_gracedb(); });
  } else {
    report.skip("GraceDB", "no service URL configured (-s)");
  }
  return report.conclude();
}

CheckResult Doctor::check_dns() {
  std::vector<std::string> found;
  std::optional<ProbeError> failure;
  for (const Server& server : parse_servers(connection_.bootstrap_servers)) {
    try {
      const std::vector<Address> addresses = resolve(server);
      found.push_back(fmt::format("{} has {}", server.host, count_of(addresses.size(), "address")));
      for (const Address& address : addresses)
        endpoints_.push_back({server, address});
    } catch (const ProbeError& error) {
      failure = error;
    }
  }
  if (failure && endpoints_.empty()) throw ProbeError(*failure);
  CheckResult result{.detail = fmt::format("{}", fmt::join(found, ", "))};
  if (failure) result.warning = failure->what();
  return result;
}

CheckResult Doctor::check_tcp() {
  std::optional<ProbeError> failure;
  for (const Endpoint& endpoint : endpoints_) {
    try {
      const Socket socket(endpoint.address, timeout_);
      if (!endpoint_) endpoint_ = endpoint;
    } catch (const ProbeError& error) {
      failure = error;
    }
  }
  if (!endpoint_) throw ProbeError(*failure);
  CheckResult result{.detail = fmt::format("connected to {}", endpoint_->address.text())};
  // Not a warning for one server: localhost often has two addresses and a listener on only one of them.
  const bool other_server_failed = failure && parse_servers(connection_.bootstrap_servers).size() > 1;
  if (other_server_failed) result.warning = failure->what();
  return result;
}

void Doctor::throw_without_tls(const ProbeError& failure) const {
  switch (identify_listener(endpoint_->server, endpoint_->address, timeout_)) {
    case Listener::sasl_plaintext:
      throw ProbeError(ExitCode::unreachable,
                       "the listener on this port is SASL_PLAINTEXT: login without TLS",
                       "Use the TLS port or, for a development broker, --no-ssl");
    case Listener::plaintext:
      throw ProbeError(ExitCode::unreachable, "the listener on this port is PLAINTEXT: neither login nor TLS",
                       "Use the TLS port or, for a local broker, --plaintext");
    case Listener::unknown:
      throw ProbeError(ExitCode::unreachable, "the server on this port supports neither TLS nor Kafka",
                       "Check the port");
    case Listener::tls:
      break;
  }
  throw ProbeError(failure);
}

// "a, b, c and 14 more"
std::string join_first(const std::vector<std::string>& names) {
  constexpr std::size_t limit = 3;
  const std::size_t shown = std::min(names.size(), limit);
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(shown);
  const std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::string certificate_advice(const TlsResult& tls, const programs::ConnectionOptions& connection) {
  if (tls.error.find("hostname") != std::string::npos || tls.error.find("IP address") != std::string::npos) {
    return fmt::format(
        "Use a host name of the certificate ({}) or, for development, --skip-hostname-verification",
        join_first(tls.names));
  }
  if (tls.error.find("expired") != std::string::npos)
    return "Ask the broker's operators to renew the certificate";
  return connection.ca_cert
             ? fmt::format("Add the certificate of its issuer, {}, to {}", tls.issuer, *connection.ca_cert)
             : fmt::format("Use --ca-cert FILE with the certificate of its issuer, {}", tls.issuer);
}

CheckResult Doctor::check_tls() const {
  const auto property = connection_.properties.find("ssl.ca.location");
  TlsSettings settings{.ca_cert = connection_.ca_cert,
                       .verify_name = !connection_.skip_hostname_verification};
  if (!settings.ca_cert && property != connection_.properties.end()) settings.ca_cert = property->second;
  TlsResult tls;
  try {
    tls = probe_tls(Socket(endpoint_->address, timeout_), endpoint_->server.host, settings, timeout_);
  } catch (const ProbeError& error) {
    if (error.code() == ExitCode::usage) throw;
    throw_without_tls(error);
  }
  const std::string names = join_first(tls.names);
  if (!tls.error.empty()) {
    throw ProbeError(ExitCode::unreachable,
                     fmt::format("the certificate of {} is not trusted: {}", names, tls.error),
                     certificate_advice(tls, connection_));
  }
  const auto left = tls.expires - std::chrono::system_clock::now();
  CheckResult result{.detail = fmt::format("{}, certificate for {} issued by {}, valid for {}", tls.version,
                                           names, tls.issuer, format_duration(left))};
  if (left < std::chrono::days(7)) result.warning = "the broker's certificate expires soon";
  return result;
}

CheckResult Doctor::check_listener() const {
  const Listener listener = identify_listener(endpoint_->server, endpoint_->address, timeout_);
  const bool login = security_protocol(connection_).starts_with("SASL");
  switch (listener) {
    case Listener::tls:
      throw ProbeError(ExitCode::unreachable, "the listener on this port requires TLS",
                       "Remove --no-ssl and --plaintext");
    case Listener::sasl_plaintext:
      if (!login) {
        throw ProbeError(ExitCode::authentication, "the listener on this port requires a login",
                         "Use --no-ssl instead of --plaintext");
      }
      return {.detail = "SASL_PLAINTEXT: login without TLS"};
    case Listener::plaintext:
      if (login) {
        throw ProbeError(ExitCode::authentication, "the listener on this port supports no login",
                         "Use --plaintext instead of --no-ssl, or another port");
      }
      return {.detail = "PLAINTEXT: neither login nor TLS"};
    case Listener::unknown:
      break;
  }
  throw ProbeError(ExitCode::unreachable, "the server on this port is not a Kafka broker", "Check the port");
}

// "; /tmp/bt_u1000: expired at …": the locations with an unusable token.
std::string rejected_tokens(const auth::Discovery& found) {
  std::string text;
  for (const auto& place : found.places) {
    const bool empty = place.state.ends_with("not set") || place.state.starts_with("No such file");
    if (!empty) text += fmt::format("; {}: {}", place.name, place.state);
  }
  return text;
}

CheckResult Doctor::check_token() const {
  const auth::TokenRequest request = broker_token_request(connection_, kafka::ProducerOptions().token_scope);
  const auth::Discovery found = auth::discover_token(request);
  if (!found.token) {
    throw ProbeError(
        ExitCode::authentication,
        fmt::format("no usable token with scope {} for {}{}", request.scope,
                    fmt::join(request.audiences, " or "), rejected_tokens(found)),
        "Get a new token with: htgettoken -a vault.ligo.org -i igwn; \"gracedb-kafka token -v\" lists the "
        "locations searched");
  }
  const auto now = std::chrono::system_clock::now();
  const auth::Claims& claims = found.token->claims();
  CheckResult result{.detail =
                         fmt::format("token of {} from {}", claims.subject.value_or("?"), found.source)};
  if (claims.expires) result.detail += ", valid for " + format_duration(*claims.expires - now);
  if (const std::string problems = token_problems(request, claims, now); !problems.empty()) {
    result.warning = "the broker may reject it: " + problems;
  }
  return result;
}

CheckResult Doctor::check_login() {
  kafka::ProducerOptions options = producer_options(connection_);
  options.guaranteed_delivery = false;  // writes nothing
  options.check_for_topics = false;
  kafka::Producer producer(std::move(options));
  topics_ = producer.list_topics(timeout_);
  producer.close(milliseconds(0));
  return {.detail = fmt::format("logged in; {} visible", count_of(topics_.size(), "topic"))};
}

CheckResult Doctor::check_topic() const {
  const std::string instance = require_instance_name(connection_);
  const std::vector<kafka::TopicInfo> own = topics_of_instance(topics_, instance);
  if (!topic_) return {.detail = fmt::format("instance {} has {}", instance, count_of(own.size(), "topic"))};
  const std::string pipeline = programs::pipeline_of(*topic_, instance);
  const auto topic = std::find_if(own.begin(), own.end(), [&](const kafka::TopicInfo& each) {
    return parts_of(each.name).pipeline == pipeline;
  });
  if (topic == own.end()) {
    throw ProbeError(ExitCode::topic, fmt::format("instance {} has no topic for {}", instance, pipeline),
                     "\"gracedb-kafka topics\" lists the topics; GraceDB's operators create new ones");
  }
  if (!topic->error.empty()) {
    throw ProbeError(ExitCode::topic, fmt::format("{}: {}", topic->name, topic->error),
                     "Ask GraceDB's operators for access");
  }
  return {.detail = fmt::format("{} has {}", topic->name,
                                count_of(static_cast<std::size_t>(topic->partitions), "partition"))};
}

// Empty unless the member is a string.
std::string text_member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

CheckResult Doctor::check_gracedb() const {
  rest::GraceDbOptions options = gracedb_options(connection_);
  options.connect_timeout = timeout_;
  options.timeout = 2 * timeout_;
  options.retry.tries = 0;
  rest::GraceDb client(std::move(options));
  const std::string version = text_member(client.api_root(), "server-version");
  const std::string user = text_member(client.user_info().json(), "username");
  if (user.empty() || user == "AnonymousUser") {
    throw ProbeError(
        ExitCode::authentication,
        "GraceDB treats this client as anonymous; credential: " + client.credential(),
        "Get a token with: htgettoken -a vault.ligo.org -i igwn; \"gracedb-kafka token --for gracedb "
        "-v\" lists the locations searched");
  }
  return {.detail = fmt::format("version {}, authenticated as {}", version.empty() ? "?" : version, user)};
}

}  // namespace

void add_doctor(programs::Program& program) {
  const auto doctor = std::make_shared<Doctor>();
  doctor->add_options(
      program.add_command({.name = "doctor",
                           .description = "Check the path to the broker and GraceDB, step by step",
                           .footer = footer,
                           .log_level = LogLevel::off},
                          [doctor](Context& context) { return doctor->run(context); }));
}

}  // namespace gracedb::cli
