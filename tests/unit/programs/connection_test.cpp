#include "common/connection.hpp"

#include "common/exit_code.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::programs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

ConnectionOptions configured() {
  ConnectionOptions connection;
  connection.bootstrap_servers = "kafka.ligo.org:9092";
  connection.service_url = "https://gracedb-test.ligo.org/api/";
  connection.service_url_source = Source::environment;
  return connection;
}

ConnectionOptions named(std::string name, Source source) {
  ConnectionOptions connection = configured();
  connection.instance_name = std::move(name);
  connection.instance_name_source = source;
  return connection;
}

TEST(Connection, DerivesInstanceFromServiceUrl) {
  EXPECT_EQ(require_instance_name(configured()), "gracedb-test");
  EXPECT_EQ(producer_options(configured()).instance_name, "gracedb-test");
  EXPECT_EQ(producer_options(configured()).service_url, std::nullopt);
}

TEST(Connection, TakesInstanceFromTheSourceWithPriority) {
  EXPECT_EQ(require_instance_name(named("playground", Source::command_line)), "playground");
  EXPECT_EQ(require_instance_name(named("playground", Source::file)), "gracedb-test");
}

TEST(Connection, RejectsConflictingNameAndUrlFromTheSameSource) {
  EXPECT_THROW(require_instance_name(named("playground", Source::environment)), UsageError);
  EXPECT_EQ(require_instance_name(named("gracedb-test", Source::environment)), "gracedb-test");
}

TEST(Connection, RejectsServiceUrlOfAnotherInstance) {
  EXPECT_THROW(require_service_url(named("playground", Source::command_line)), UsageError);
  EXPECT_EQ(require_service_url(named("playground", Source::file)), "https://gracedb-test.ligo.org/api/");
}

TEST(Connection, AcceptsAnyInstanceNameForLocalGraceDb) {
  for (const char* url :
       {"http://localhost:8080/api/", "http://127.0.0.1:8080/api/", "http://[::1]:8080/api/"}) {
    ConnectionOptions connection = named("gracedb-dev", Source::environment);
    connection.service_url = url;
    EXPECT_EQ(require_service_url(connection), url);
    EXPECT_EQ(require_instance_name(connection), "gracedb-dev");
  }
}

TEST(Connection, ErrorNamesTheMissingSetting) {
  const ConnectionOptions nothing;
  EXPECT_THROW(require_bootstrap_servers(nothing), UsageError);
  EXPECT_THROW(require_instance_name(nothing), UsageError);
  try {
    require_service_url(nothing);
    ADD_FAILURE() << "no exception without a service URL";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("GRACEDB_SERVICE_URL"));
  }
}

TEST(Connection, UsesTlsAndTokenByDefault) {
  EXPECT_EQ(security_protocol(configured()), "SASL_SSL");
  EXPECT_TRUE(producer_options(configured()).use_ssl);
  EXPECT_TRUE(producer_options(configured()).kafka_config.empty());
}

TEST(Connection, NoSslKeepsTheToken) {
  ConnectionOptions connection = configured();
  connection.no_ssl = true;
  EXPECT_EQ(security_protocol(connection), "SASL_PLAINTEXT");
  EXPECT_FALSE(consumer_options(connection).use_ssl);
}

TEST(Connection, PlaintextOverridesTheSecurityProtocol) {
  ConnectionOptions connection = configured();
  connection.plaintext = true;
  connection.properties = {{"security.protocol", "sasl_ssl"}, {"linger.ms", "5"}};
  EXPECT_EQ(security_protocol(connection), "PLAINTEXT");
  EXPECT_THAT(consumer_options(connection).kafka_config,
              ElementsAre(Pair("linger.ms", "5"), Pair("security.protocol", "plaintext")));
}

TEST(Connection, PassesTokenOptionsToTheLibrary) {
  ConnectionOptions connection = configured();
  connection.token_audience = "kafka";
  connection.token_scope = "kafka.special";
  connection.reload_buffer = std::chrono::seconds(20);
  connection.ca_cert = "/ca.pem";
  connection.skip_hostname_verification = true;
  const kafka::ProducerOptions producer = producer_options(connection);
  EXPECT_EQ(producer.token_audience, "kafka");
  EXPECT_EQ(producer.token_scope, "kafka.special");
  EXPECT_EQ(producer.reload_buffer, std::chrono::seconds(20));
  EXPECT_EQ(producer.ca_cert_path, "/ca.pem");
  EXPECT_TRUE(producer.skip_hostname_verification);
  const kafka::ConsumerOptions consumer = consumer_options(connection);
  EXPECT_EQ(consumer.token_scope, "kafka.special");
  EXPECT_EQ(consumer.ca_cert_path, "/ca.pem");
}

TEST(Connection, UsesTheDefaultScopeOfTheLibrary) {
  EXPECT_EQ(producer_options(configured()).token_scope, "kafka.produce");
  EXPECT_EQ(consumer_options(configured()).token_scope, "kafka.consume");
}

TEST(TokenRequest, UsesBrokerHostsAsAudiences) {
  ConnectionOptions connection = configured();
  connection.bootstrap_servers = "a.ligo.org:9092,b.ligo.org:9092";
  const auth::TokenRequest request = broker_token_request(connection, "kafka.produce");
  EXPECT_THAT(request.audiences, ElementsAre("a.ligo.org", "b.ligo.org"));
  EXPECT_EQ(request.scope, "kafka.produce");
}

TEST(TokenRequest, UsesGraceDbHostAsAudience) {
  ConnectionOptions connection = configured();
  connection.service_url = "https://gracedb-test.ligo.org:8443/api/";
  const auth::TokenRequest request = gracedb_token_request(connection);
  EXPECT_THAT(request.audiences, ElementsAre("https://gracedb-test.ligo.org"));
  EXPECT_EQ(request.scope, "gracedb.read");
}

TEST(PipelineOf, AcceptsPipelineAndFullTopicName) {
  EXPECT_EQ(pipeline_of("gstlal", "gracedb-test"), "gstlal");
  EXPECT_EQ(pipeline_of("gracedb-test.gstlal", "gracedb-test"), "gstlal");
  EXPECT_EQ(pipeline_of("gracedb.gstlal", "gracedb-test"), "gracedb.gstlal");
}

}  // namespace
}  // namespace gracedb::programs
