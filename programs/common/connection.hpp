#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "common/options.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// The options for the connections to the broker and GraceDB.
namespace gracedb::programs {

struct ConnectionOptions {
  /// "host:port[,host:port…]"
  std::string bootstrap_servers;
  /// E.g. "https://gracedb-test.ligo.org/api/".
  std::optional<std::string> service_url;
  /// Default: derived from service_url.
  std::optional<std::string> instance_name;
  /// PEM file with the CA certificates for the broker. Default: the system's.
  std::optional<std::string> ca_cert;
  /// PEM file with the CA certificates for GraceDB. Default: the system's.
  std::optional<std::string> gracedb_ca_cert;
  /// Neither TLS nor login, for a local broker.
  bool plaintext = false;
  /// Login with a token, without TLS.
  bool no_ssl = false;
  bool skip_hostname_verification = false;
  std::optional<std::string> token_audience;
  std::optional<std::string> token_scope;
  /// Renew a token this long before its `exp`.
  std::chrono::milliseconds reload_buffer{300'000};
  /// librdkafka properties.
  std::map<std::string, std::string> properties;

  /// Where service_url and instance_name came from; the later source determines the instance.
  Source service_url_source = Source::none;
  Source instance_name_source = Source::none;
};

/// Adds the options to a program or command, under the heading "Connection".
void add_connection_options(Options& options, ConnectionOptions& connection);

/// Copies the sources of service_url and instance_name from `options`. Call after Options::resolve().
void note_sources(const Options& options, ConnectionOptions& connection);

/// @throws UsageError  no bootstrap servers are configured
const std::string& require_bootstrap_servers(const ConnectionOptions& connection);

/// @throws UsageError  no service URL is configured, or its instance differs from an instance name of the
/// same
///                     or a later source. A GraceDB at an IP address or on localhost matches any name.
const std::string& require_service_url(const ConnectionOptions& connection);

/// The instance name, or the one derived from the service URL; if they differ, that of the later source.
/// @throws UsageError  neither is configured, or they differ and have the same source
std::string require_instance_name(const ConnectionOptions& connection);

/// The resulting security protocol, e.g. "SASL_SSL".
std::string security_protocol(const ConnectionOptions& connection);

/// Options for the library, with instance_name and without service_url.
/// @throws UsageError  as the functions above
kafka::ProducerOptions producer_options(const ConnectionOptions& connection);
kafka::ConsumerOptions consumer_options(const ConnectionOptions& connection);

/// @throws UsageError  as require_service_url()
rest::GraceDbOptions gracedb_options(const ConnectionOptions& connection);

/// The library's request for a broker token.
/// @param scope  if no scope is configured
auth::TokenRequest broker_token_request(const ConnectionOptions& connection, std::string_view scope);
/// The library's request for a GraceDB token.
/// @throws UsageError  as require_service_url()
auth::TokenRequest gracedb_token_request(const ConnectionOptions& connection);

/// The pipeline of a topic given as pipeline or in full: "gstlal", for instance gracedb-test also of
/// "gracedb-test.gstlal".
std::string pipeline_of(std::string_view topic, std::string_view instance_name);

}  // namespace gracedb::programs
