#include "common/connection.hpp"

#include "gracedb/kafka/topics.hpp"

#include "common/exit_code.hpp"
#include "core/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace gracedb::programs {
namespace {

using std::chrono::seconds;

std::string to_upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

seconds reload_buffer(const ConnectionOptions& connection) {
  return std::chrono::duration_cast<seconds>(connection.reload_buffer);
}

template <typename LibraryOptions>
LibraryOptions library_options(const ConnectionOptions& connection) {
  LibraryOptions options;
  options.bootstrap_servers = require_bootstrap_servers(connection);
  options.instance_name = require_instance_name(connection);
  options.use_ssl = !connection.no_ssl && !connection.plaintext;
  options.ca_cert_path = connection.ca_cert;
  options.skip_hostname_verification = connection.skip_hostname_verification;
  if (connection.token_scope) options.token_scope = *connection.token_scope;
  options.token_audience = connection.token_audience;
  options.reload_buffer = reload_buffer(connection);
  options.kafka_config = connection.properties;
  if (connection.plaintext) options.kafka_config.insert_or_assign("security.protocol", "plaintext");
  return options;
}

std::string instance_of_url(const ConnectionOptions& connection) {
  try {
    return kafka::derive_instance_name(*connection.service_url);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--service-url: {}", error.what()));
  }
}

// False for a GraceDB on this machine or at an IP address: it may have any instance name.
bool host_is_instance(const std::string& service_url) {
  const std::string host = parse_service_url(service_url).host;
  const bool is_address =
      host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
  return !is_address && host != "localhost";
}

}  // namespace

void add_connection_options(Options& options, ConnectionOptions& connection) {
  options.group("Connection");
  options.add({.names = "-b,--bootstrap-servers",
               .target = &connection.bootstrap_servers,
               .help = "Kafka bootstrap servers",
               .value = "HOST:PORT,...",
               .key = "bootstrap_servers"});
  options.add({.names = "-s,--service-url",
               .target = &connection.service_url,
               .help = "API URL of GraceDB, e.g. https://gracedb-test.ligo.org/api/; its host determines the "
                       "instance",
               .value = "URL",
               .key = "service_url",
               .environment = "GRACEDB_SERVICE_URL"});
  options.add({.names = "--instance-name",
               .target = &connection.instance_name,
               .help = "Instance of the topics [default: from the service URL]",
               .value = "NAME",
               .key = "instance_name"});
  options.add({.names = "--ca-cert",
               .target = &connection.ca_cert,
               .help = "PEM file with the CA certificates for the broker [default: the system's]",
               .value = "FILE",
               .key = "ca_cert"});
  options.add({.names = "--gracedb-ca-cert",
               .target = &connection.gracedb_ca_cert,
               .help = "PEM file with the CA certificates for GraceDB [default: the system's]",
               .value = "FILE",
               .key = "gracedb_ca_cert"});
  options.add({.names = "--skip-hostname-verification",
               .target = &connection.skip_hostname_verification,
               .help = "Accept a broker certificate for another host name (for development)",
               .key = "skip_hostname_verification"});
  options.add({.names = "--no-ssl",
               .target = &connection.no_ssl,
               .help = "Log in with a token, without TLS (SASL_PLAINTEXT, for development)",
               .key = "no_ssl"});
  options.add({.names = "--plaintext",
               .target = &connection.plaintext,
               .help = "Neither TLS nor login (PLAINTEXT, for a local broker)",
               .key = "plaintext"});
  options.add({.names = "--token-audience",
               .target = &connection.token_audience,
               .help = "Audience of the broker token [default: the host names of the bootstrap servers]",
               .value = "AUDIENCE",
               .key = "token_audience"});
  options.add({.names = "--token-scope",
               .target = &connection.token_scope,
               .help = "Scope of the broker token [default: kafka.produce or kafka.consume]",
               .value = "SCOPE",
               .key = "token_scope"});
  options.add({.names = "--reload-buffer",
               .target = &connection.reload_buffer,
               .help = "Renew a token this long before it expires [default: 300s]",
               .value = "DURATION",
               .key = "reload_buffer"});
  options.add({.names = "-X,--property",
               .target = &connection.properties,
               .help = "librdkafka property, e.g. linger.ms=5; may be repeated",
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
        "no bootstrap servers configured; use -b HOST:PORT, GRACEDB_KAFKA_BOOTSTRAP_SERVERS, or "
        "bootstrap_servers in the configuration file");
  }
  return connection.bootstrap_servers;
}

const std::string& require_service_url(const ConnectionOptions& connection) {
  if (!connection.service_url) {
    throw UsageError(
        "no service URL configured; use -s URL, GRACEDB_SERVICE_URL, or service_url in the configuration "
        "file");
  }
  const std::string instance = instance_of_url(connection);
  const bool name_has_priority = connection.instance_name_source >= connection.service_url_source;
  const bool differs = connection.instance_name && *connection.instance_name != instance;
  if (differs && name_has_priority && host_is_instance(*connection.service_url)) {
    throw UsageError(
        fmt::format("--instance-name {} conflicts with {}, which is instance {}; use one of them",
                    *connection.instance_name, *connection.service_url, instance));
  }
  return *connection.service_url;
}

std::string require_instance_name(const ConnectionOptions& connection) {
  const auto& name = connection.instance_name;
  if (!name && !connection.service_url) {
    throw UsageError(
        "no GraceDB instance configured; use -s URL, --instance-name NAME, GRACEDB_SERVICE_URL, or "
        "service_url in the configuration file");
  }
  if (!connection.service_url) return *name;
  if (!name) return instance_of_url(connection);
  if (connection.instance_name_source > connection.service_url_source) return *name;
  if (connection.instance_name_source < connection.service_url_source) return instance_of_url(connection);
  require_service_url(connection);  // same source: throws if they differ
  return *name;
}

std::string security_protocol(const ConnectionOptions& connection) {
  if (connection.plaintext) return "PLAINTEXT";
  const auto property = connection.properties.find("security.protocol");
  if (property != connection.properties.end()) return to_upper(property->second);
  return connection.no_ssl ? "SASL_PLAINTEXT" : "SASL_SSL";
}

kafka::ProducerOptions producer_options(const ConnectionOptions& connection) {
  return library_options<kafka::ProducerOptions>(connection);
}

kafka::ConsumerOptions consumer_options(const ConnectionOptions& connection) {
  return library_options<kafka::ConsumerOptions>(connection);
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
  request.audiences = {"https://" + parse_service_url(require_service_url(connection)).host};
  return request;
}

std::string pipeline_of(std::string_view topic, std::string_view instance_name) {
  const std::string prefix = fmt::format("{}.", instance_name);
  if (topic.starts_with(prefix)) topic.remove_prefix(prefix.size());
  return std::string(topic);
}

}  // namespace gracedb::programs
