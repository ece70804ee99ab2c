#include "gracedb/kafka/producer.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/doctor_report.hpp"
#include "gracedb-kafka/instance_topics.hpp"
#include "gracedb-kafka/kafka_probe.hpp"
#include "gracedb-kafka/tls_probe.hpp"
#include "gracedb-kafka/token_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace gracedb::cli {
namespace {

using programs::Context;
using programs::ExitCode;
using std::chrono::milliseconds;

constexpr const char* footer =
    "Walks the whole way of an event, each step timed: name, connection, TLS, token, login, topic, GraceDB.\n"
    "Writes nothing to any topic. Says what to do about the first failure, and exits with the code of its "
    "kind.";

// A server that resolved, and an address of it that could be connected to.
struct Reached {
  Server server;
  Address address;
};

class Doctor {
 public:
  void add_options(programs::Options& options);
  ExitCode run(Context& context);

 private:
  Finding look_at_names();
  Finding look_at_connections();
  Finding look_at_tls() const;
  Finding look_at_listener() const;
  Finding look_at_token() const;
  Finding log_in();
  Finding look_at_topics() const;
  Finding look_at_gracedb() const;
  [[noreturn]] void explain_missing_tls(const ProbeError& failure) const;

  programs::ConnectionOptions connection_;
  std::optional<std::string> topic_;
  milliseconds timeout_{5'000};

  std::vector<std::pair<Server, Address>> addresses_;
  std::optional<Reached> reached_;
  std::vector<kafka::TopicInfo> topics_;
};

void Doctor::add_options(programs::Options& options) {
  options.group("Doctor");
  options.add({.names = "-t,--topic",
               .target = &topic_,
               .help = "Look for this pipeline's topic [default: any]",
               .value = "PIPELINE"});
  options.add({.names = "--timeout",
               .target = &timeout_,
               .help = "Wait at most this long in each step [default: 5s]",
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
  const bool named = report.step("DNS", [this] { return look_at_names(); });
  const bool connected = report.step_if(named, "TCP", [this] { return look_at_connections(); });
  const bool speaks = tls ? report.step_if(connected, "TLS", [this] { return look_at_tls(); })
                          : report.step_if(connected, "listener", [this] { return look_at_listener(); });
  const bool has_token = !login || report.step("token", [this] { return look_at_token(); });
  const bool logged_in =
      report.step_if(speaks && has_token, login ? "SASL" : "broker", [this] { return log_in(); });
  report.step_if(logged_in, "topic", [this] { return look_at_topics(); });
  if (connection_.service_url) {
    report.step("GraceDB", [this] { return look_at_gracedb(); });
  } else {
    report.skip("GraceDB", "no service URL given (-s)");
  }
  return report.conclude();
}

Finding Doctor::look_at_names() {
  std::vector<std::string> found;
  std::optional<ProbeError> failure;
  for (const Server& server : parse_servers(connection_.bootstrap_servers)) {
    try {
      const std::vector<Address> addresses = resolve(server);
      found.push_back(fmt::format("{} has {}", server.host, count_of(addresses.size(), "address")));
      for (const Address& address : addresses)
        addresses_.emplace_back(server, address);
    } catch (const ProbeError& error) {
      failure = error;
    }
  }
  if (failure && addresses_.empty()) throw ProbeError(*failure);
  Finding finding{.detail = fmt::format("{}", fmt::join(found, ", "))};
  if (failure) finding.warning = failure->what();
  return finding;
}

Finding Doctor::look_at_connections() {
  std::optional<ProbeError> failure;
  for (const auto& [server, address] : addresses_) {
    try {
      const Socket socket(address, timeout_);
      if (!reached_) reached_ = Reached{server, address};
    } catch (const ProbeError& error) {
      failure = error;
    }
  }
  if (!reached_) throw ProbeError(*failure);
  Finding finding{.detail = fmt::format("{} answers", reached_->address.text())};
  // localhost often has two addresses and a listener on one of them.
  const bool other_server_failed = failure && parse_servers(connection_.bootstrap_servers).size() > 1;
  if (other_server_failed) finding.warning = failure->what();
  return finding;
}

void Doctor::explain_missing_tls(const ProbeError& failure) const {
  switch (identify_listener(reached_->server, reached_->address, timeout_)) {
    case Listener::sasl_plaintext:
      throw ProbeError(ExitCode::unreachable, "the broker speaks no TLS on this port, but wants a login",
                       "Use its TLS port; or, for a development broker, --no-ssl");
    case Listener::plaintext:
      throw ProbeError(ExitCode::unreachable, "the broker speaks no TLS on this port, and knows no login",
                       "Use its TLS port; or, for a local broker, --plaintext");
    case Listener::unknown:
      throw ProbeError(ExitCode::unreachable, "neither TLS nor Kafka is spoken on this port",
                       "Check the port");
    case Listener::tls:
      break;
  }
  throw ProbeError(failure);
}

// "a, b, c and 14 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 3;
  const std::size_t shown = std::min(names.size(), most);
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(shown);
  const std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::string advice_for_certificate(const TlsFinding& tls, const programs::ConnectionOptions& connection) {
  if (tls.fault.find("hostname") != std::string::npos || tls.fault.find("IP address") != std::string::npos) {
    return fmt::format("Use a name of the certificate ({}), or --skip-hostname-verification in development",
                       some_of(tls.names));
  }
  if (tls.fault.find("expired") != std::string::npos)
    return "The broker's operators have to renew its certificate";
  return connection.ca_cert
             ? fmt::format("Put the certificate of its issuer, {}, into {}", tls.issuer, *connection.ca_cert)
             : fmt::format("Give the certificate of its issuer, {}, with --ca-cert FILE", tls.issuer);
}

Finding Doctor::look_at_tls() const {
  const auto property = connection_.properties.find("ssl.ca.location");
  TlsSettings settings{.ca_cert = connection_.ca_cert,
                       .verify_name = !connection_.skip_hostname_verification};
  if (!settings.ca_cert && property != connection_.properties.end()) settings.ca_cert = property->second;
  TlsFinding tls;
  try {
    tls = probe_tls(Socket(reached_->address, timeout_), reached_->server.host, settings, timeout_);
  } catch (const ProbeError& error) {
    if (error.code() == ExitCode::usage) throw;
    explain_missing_tls(error);
  }
  const std::string names = some_of(tls.names);
  if (!tls.fault.empty()) {
    throw ProbeError(ExitCode::unreachable,
                     fmt::format("the certificate of {} is not trusted: {}", names, tls.fault),
                     advice_for_certificate(tls, connection_));
  }
  const auto left = tls.expires - std::chrono::system_clock::now();
  Finding finding{.detail = fmt::format("{}, certificate of {} by {}, valid for {}", tls.version, names,
                                        tls.issuer, format_duration(left))};
  if (left < std::chrono::days(7)) finding.warning = "the broker's certificate expires soon";
  return finding;
}

Finding Doctor::look_at_listener() const {
  const Listener listener = identify_listener(reached_->server, reached_->address, timeout_);
  const bool login = security_protocol(connection_).starts_with("SASL");
  switch (listener) {
    case Listener::tls:
      throw ProbeError(ExitCode::unreachable, "the broker speaks TLS on this port",
                       "Leave --no-ssl and --plaintext away");
    case Listener::sasl_plaintext:
      if (!login) {
        throw ProbeError(ExitCode::authentication, "the broker wants a login on this port",
                         "Use --no-ssl instead of --plaintext");
      }
      return {.detail = "Kafka with a login, without TLS as asked"};
    case Listener::plaintext:
      if (login) {
        throw ProbeError(ExitCode::authentication, "the broker knows no login on this port",
                         "Use --plaintext instead of --no-ssl, or another port");
      }
      return {.detail = "Kafka without login and TLS, as asked"};
    case Listener::unknown:
      break;
  }
  throw ProbeError(ExitCode::unreachable, "no Kafka broker answers on this port", "Check the port");
}

// "; /tmp/bt_u1000: expired at …": the places that hold something.
std::string rejected_places(const auth::Discovery& found) {
  std::string text;
  for (const auth::Place& place : found.places) {
    const bool empty = place.state.ends_with("not set") || place.state.starts_with("No such file");
    if (!empty) text += fmt::format("; {}: {}", place.name, place.state);
  }
  return text;
}

Finding Doctor::look_at_token() const {
  const auth::TokenRequest request = broker_token_request(connection_, kafka::ProducerOptions().token_scope);
  const auth::Discovery found = auth::discover_token(request);
  if (!found.token) {
    throw ProbeError(
        ExitCode::authentication,
        fmt::format("no usable token with scope {} for {}{}", request.scope,
                    fmt::join(request.audiences, " or "), rejected_places(found)),
        "Obtain a fresh one with: htgettoken -a vault.ligo.org -i igwn; \"gracedb-kafka token\" tells "
        "where it is looked for");
  }
  const auto now = std::chrono::system_clock::now();
  const auth::Claims& claims = found.token->claims();
  Finding finding{.detail = fmt::format("of {} from {}", claims.subject.value_or("?"), found.source)};
  if (claims.expires) finding.detail += ", valid for " + format_duration(*claims.expires - now);
  if (const std::string doubts = doubts_about(request, claims, now); !doubts.empty()) {
    finding.warning = "it may be refused: " + doubts;
  }
  return finding;
}

Finding Doctor::log_in() {
  kafka::ProducerOptions options = producer_options(connection_);
  options.guaranteed_delivery = false;  // nothing is written
  options.check_for_topics = false;
  kafka::Producer producer(std::move(options));
  topics_ = producer.list_topics(timeout_);
  producer.close(milliseconds(0));
  return {.detail = fmt::format("accepted; the broker shows {}", count_of(topics_.size(), "topic"))};
}

Finding Doctor::look_at_topics() const {
  const std::string instance = require_instance_name(connection_);
  const std::vector<kafka::TopicInfo> own = topics_of_instance(topics_, instance);
  if (!topic_) return {.detail = fmt::format("instance {} has {}", instance, count_of(own.size(), "topic"))};
  const std::string pipeline = programs::pipeline_of(*topic_, instance);
  const auto topic = std::find_if(own.begin(), own.end(), [&](const kafka::TopicInfo& each) {
    return parts_of(each.name).pipeline == pipeline;
  });
  if (topic == own.end()) {
    throw ProbeError(ExitCode::topic, fmt::format("instance {} has no topic for {}", instance, pipeline),
                     "\"gracedb-kafka topics\" lists those it has; GraceDB's operators make new ones");
  }
  if (!topic->error.empty()) {
    throw ProbeError(ExitCode::topic, fmt::format("{}: {}", topic->name, topic->error),
                     "Ask GraceDB's operators for the permission");
  }
  return {.detail = fmt::format("{} has {}", topic->name,
                                count_of(static_cast<std::size_t>(topic->partitions), "partition"))};
}

Finding Doctor::look_at_gracedb() const {
  rest::GraceDbOptions options = gracedb_options(connection_);
  options.connect_timeout = timeout_;
  options.timeout = 2 * timeout_;
  options.retry.tries = 0;
  rest::GraceDb client(std::move(options));
  const nlohmann::json& root = client.api_root();
  const std::string user = client.user_info().json().value("username", "");
  if (user.empty() || user == "AnonymousUser") {
    throw ProbeError(ExitCode::authentication,
                     "GraceDB takes this client for an anonymous one; its credential: " + client.credential(),
                     "Obtain a token with: htgettoken -a vault.ligo.org -i igwn; \"token --for gracedb -v\" "
                     "shows what is looked at");
  }
  return {.detail =
              fmt::format("version {} knows this client as {}", root.value("server-version", "?"), user)};
}

}  // namespace

void add_doctor(programs::Program& program) {
  const auto doctor = std::make_shared<Doctor>();
  doctor->add_options(
      program.add_command({.name = "doctor",
                           .description = "Check the way to the broker and GraceDB, step by step",
                           .footer = footer,
                           .log_level = LogLevel::off},
                          [doctor](Context& context) { return doctor->run(context); }));
}

}  // namespace gracedb::cli
