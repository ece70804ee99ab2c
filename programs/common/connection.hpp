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
#include <vector>

namespace gracedb::programs {

/// How a program reaches the broker and GraceDB.
struct ConnectionOptions {
  std::string bootstrap_servers;               ///< "host:port[,host:port…]"
  std::optional<std::string> service_url;      ///< e.g. "https://gracedb-test.ligo.org/api/"
  std::optional<std::string> instance_name;    ///< default: derived from service_url
  std::optional<std::string> ca_cert;          ///< PEM file to verify the broker with
  std::optional<std::string> gracedb_ca_cert;  ///< PEM file to verify GraceDB with
  bool plaintext = false;                      ///< neither TLS nor a token, for a local broker without login
  bool no_ssl = false;                         ///< a token, but no TLS
  bool skip_hostname_verification = false;
  std::optional<std::string> token_audience;
  std::optional<std::string> token_scope;
  std::chrono::milliseconds reload_buffer{300'000};  ///< renew a token this long before its `exp`
  std::map<std::string, std::string> properties;     ///< librdkafka's own

  /// Where the two came from; the nearer one names the instance.
  Source service_url_source = Source::none;
  Source instance_name_source = Source::none;
};

/// Adds them to a program or command, under the heading "Connection".
void add_connection_options(Options& options, ConnectionOptions& connection);

/// Takes over what only `options` knows after resolve(): the sources.
void note_sources(const Options& options, ConnectionOptions& connection);

/// The bootstrap servers.
/// @throws UsageError  not set; says how to
const std::string& require_bootstrap_servers(const ConnectionOptions& connection);

/// The service URL.
/// @throws UsageError  not set, or of another instance than the one named at the same place or nearer; a
/// GraceDB
///                     at an address or on localhost may have any name
const std::string& require_service_url(const ConnectionOptions& connection);

/// The instance: named, or of the service URL; the nearer of the two where they disagree.
/// @throws UsageError  neither is set, or both at the same place and disagreeing
std::string require_instance_name(const ConnectionOptions& connection);

/// The security protocol that the options ask for, e.g. "SASL_SSL".
std::string security_protocol(const ConnectionOptions& connection);

/// Options for the library; instance_name is set, service_url is not.
/// @throws UsageError  as the functions above
kafka::ProducerOptions producer_options(const ConnectionOptions& connection);
kafka::ConsumerOptions consumer_options(const ConnectionOptions& connection);

/// @throws UsageError  as require_service_url()
rest::GraceDbOptions gracedb_options(const ConnectionOptions& connection);

/// What the library looks for when it needs a token for the broker, with this scope if no other was given.
auth::TokenRequest broker_token_request(const ConnectionOptions& connection, std::string_view scope);
/// The same for GraceDB.
auth::TokenRequest gracedb_token_request(const ConnectionOptions& connection);

/// "gstlal" and, where the instance is gracedb-test, "gracedb-test.gstlal" both give "gstlal".
std::string pipeline_of(std::string_view topic, std::string_view instance_name);

}  // namespace gracedb::programs
