#include "common/connection.hpp"

#include "gracedb/kafka/topics.hpp"

#include "common/exit_code.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace gracedb::programs {
namespace {

using std::chrono::seconds;

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

seconds reload_buffer(const ConnectionOptions& connection) {
  return std::chrono::duration_cast<seconds>(connection.reload_buffer);
}

std::map<std::string, std::string> kafka_config(const ConnectionOptions& connection) {
  auto config = connection.properties;
  if (connection.plaintext) config.insert_or_assign("security.protocol", "plaintext");
  return config;
}

// "https://gracedb.ligo.org:8443/api/" gives "gracedb.ligo.org"; without the brackets of an IPv6 address.
std::string gracedb_host(const std::string& service_url) {
  const std::size_t scheme = service_url.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  const std::string authority = service_url.substr(start, service_url.find('/', start) - start);
  const auto hosts = auth::audiences_of_bootstrap_servers(authority);
  return hosts.empty() ? "" : hosts.front();
}

std::string instance_of_url(const ConnectionOptions& connection) {
  try {
    return kafka::derive_instance_name(*connection.service_url);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--service-url: {}", error.what()));
  }
}

// A GraceDB on this machine, or one without a name, may be any instance.
bool names_its_instance(const std::string& service_url) {
  const std::string host = gracedb_host(service_url);
  const bool is_address =
      host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
  return !is_address && host != "localhost";
}

}  // namespace

void add_connection_options(Options& options, ConnectionOptions& connection) {
  options.group("Connection");
  options.add({.names = "-b,--bootstrap-servers",
               .target = &connection.bootstrap_servers,
               .help = "The Kafka brokers to begin with",
               .value = "HOST:PORT,...",
               .key = "bootstrap_servers"});
  options.add({.names = "-s,--service-url",
               .target = &connection.service_url,
               .help = "GraceDB, e.g. https://gracedb-test.ligo.org/api/; its host names the instance",
               .value = "URL",
               .key = "service_url",
               .environment = "GRACEDB_SERVICE_URL"});
  options.add({.names = "--instance-name",
               .target = &connection.instance_name,
               .help = "The instance that topics belong to, instead of the service URL's",
               .value = "NAME",
               .key = "instance_name"});
  options.add({.names = "--ca-cert",
               .target = &connection.ca_cert,
               .help = "Verify the broker with the certificates in this PEM file, not the system's",
               .value = "FILE",
               .key = "ca_cert"});
  options.add({.names = "--gracedb-ca-cert",
               .target = &connection.gracedb_ca_cert,
               .help = "Verify GraceDB with the certificates in this PEM file, not the system's",
               .value = "FILE",
               .key = "gracedb_ca_cert"});
  options.add({.names = "--skip-hostname-verification",
               .target = &connection.skip_hostname_verification,
               .help = "Accept a broker whose certificate has another name (development)",
               .key = "skip_hostname_verification"});
  options.add({.names = "--no-ssl",
               .target = &connection.no_ssl,
               .help = "Log in with the token, but without TLS (SASL_PLAINTEXT, development)",
               .key = "no_ssl"});
  options.add({.names = "--plaintext",
               .target = &connection.plaintext,
               .help = "Neither TLS nor token (PLAINTEXT, a local broker without login)",
               .key = "plaintext"});
  options.add({.names = "--token-audience",
               .target = &connection.token_audience,
               .help = "Audience of the broker's token [default: the brokers' host names]",
               .value = "AUDIENCE",
               .key = "token_audience"});
  options.add({.names = "--token-scope",
               .target = &connection.token_scope,
               .help = "Scope of the broker's token [default: kafka.produce or kafka.consume]",
               .value = "SCOPE",
               .key = "token_scope"});
  options.add({.names = "--reload-buffer",
               .target = &connection.reload_buffer,
               .help = "Renew a token this long before its expiry [default: 300s]",
               .value = "DURATION",
               .key = "reload_buffer"});
  options.add({.names = "-X,--property",
               .target = &connection.properties,
               .help = "A property of librdkafka, e.g. linger.ms=5; may be repeated",
               .value = "NAME=VALUE",
               .key = "properties"});
}

void note_sources(const Options& options, ConnectionOptions& connection) {
  connection.service_url_source = options.source("service_url");
  connection.instance_name_source = options.source("instance_name");
}

const std::string& require_bootstrap_servers(const ConnectionOptions& connection) {
  if (connection.bootstrap_servers.empty()) {
    throw UsageError(
        "which broker? Give -b HOST:PORT, or set GRACEDB_KAFKA_BOOTSTRAP_SERVERS or "
        "bootstrap_servers in the configuration file");
  }
  return connection.bootstrap_servers;
}

const std::string& require_service_url(const ConnectionOptions& connection) {
  if (!connection.service_url) {
    throw UsageError(
        "which GraceDB? Give -s URL, or set GRACEDB_SERVICE_URL or service_url in the "
        "configuration file");
  }
  const std::string instance = instance_of_url(connection);
  const bool named_nearer = connection.instance_name_source >= connection.service_url_source;
  const bool differs = connection.instance_name && *connection.instance_name != instance;
  if (differs && named_nearer && names_its_instance(*connection.service_url)) {
    throw UsageError(fmt::format("{} is instance {}, not {} as --instance-name says; give one of them",
                                 *connection.service_url, instance, *connection.instance_name));
  }
  return *connection.service_url;
}

std::string require_instance_name(const ConnectionOptions& connection) {
  const auto& name = connection.instance_name;
  if (!name && !connection.service_url) {
    throw UsageError(
        "which GraceDB instance? Give -s URL or --instance-name NAME, or set GRACEDB_SERVICE_URL or "
        "service_url in the configuration file");
  }
  if (!connection.service_url) return *name;
  if (!name) return instance_of_url(connection);
  if (connection.instance_name_source > connection.service_url_source) return *name;
  if (connection.instance_name_source < connection.service_url_source) return instance_of_url(connection);
  require_service_url(connection);  // the same place: they must agree
  return *name;
}

std::string security_protocol(const ConnectionOptions& connection) {
  if (connection.plaintext) return "PLAINTEXT";
  const auto property = connection.properties.find("security.protocol");
  if (property != connection.properties.end()) return upper_case(property->second);
  return connection.no_ssl ? "SASL_PLAINTEXT" : "SASL_SSL";
}

kafka::ProducerOptions producer_options(const ConnectionOptions& connection) {
  kafka::ProducerOptions options;
  options.bootstrap_servers = require_bootstrap_servers(connection);
  options.instance_name = require_instance_name(connection);
  options.use_ssl = !connection.no_ssl && !connection.plaintext;
  options.ca_cert_path = connection.ca_cert;
  options.skip_hostname_verification = connection.skip_hostname_verification;
  if (connection.token_scope) options.token_scope = *connection.token_scope;
  options.token_audience = connection.token_audience;
  options.reload_buffer = reload_buffer(connection);
  options.kafka_config = kafka_config(connection);
  return options;
}

kafka::ConsumerOptions consumer_options(const ConnectionOptions& connection) {
  kafka::ConsumerOptions options;
  options.bootstrap_servers = require_bootstrap_servers(connection);
  options.instance_name = require_instance_name(connection);
  options.use_ssl = !connection.no_ssl && !connection.plaintext;
  options.ca_cert_path = connection.ca_cert;
  options.skip_hostname_verification = connection.skip_hostname_verification;
  if (connection.token_scope) options.token_scope = *connection.token_scope;
  options.token_audience = connection.token_audience;
  options.reload_buffer = reload_buffer(connection);
  options.kafka_config = kafka_config(connection);
  return options;
}

rest::GraceDbOptions gracedb_options(const ConnectionOptions& connection) {
  rest::GraceDbOptions options;
  options.service_url = require_service_url(connection);
  options.ca_cert_path = connection.gracedb_ca_cert;
  options.reload_buffer = reload_buffer(connection);
  return options;
}

auth::TokenRequest broker_token_request(const ConnectionOptions& connection, std::string_view scope) {
  auth::TokenRequest request;
  request.scope = connection.token_scope.value_or(std::string(scope));
  if (connection.token_audience) {
    request.audiences = {*connection.token_audience};
  } else {
    request.audiences = auth::audiences_of_bootstrap_servers(connection.bootstrap_servers);
  }
  return request;
}

auth::TokenRequest gracedb_token_request(const ConnectionOptions& connection) {
  auth::TokenRequest request;
  request.scope = rest::GraceDbOptions().token_scope;
  request.audiences = {"https://" + gracedb_host(require_service_url(connection))};
  return request;
}

std::string pipeline_of(std::string_view topic, std::string_view instance_name) {
  const std::string prefix = fmt::format("{}.", instance_name);
  if (topic.starts_with(prefix)) topic.remove_prefix(prefix.size());
  return std::string(topic);
}

}  // namespace gracedb::programs
