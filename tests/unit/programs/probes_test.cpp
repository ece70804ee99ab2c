#include "gracedb-kafka/probes.hpp"

#include "support/fake_certificate.hpp"
#include "support/mock_kafka.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::cli {
namespace {

using namespace std::chrono_literals;
using test_support::fake_certificate;
using test_support::MockKafka;
using test_support::TemporaryDirectory;
using test_support::TestReply;
using test_support::TestRequest;
using test_support::TestServer;
using testing::Contains;
using testing::HasSubstr;

Server server_on(int port, std::string host = "127.0.0.1") { return {std::move(host), std::to_string(port)}; }

// A TLS server with a self-signed certificate.
class TlsServer {
 public:
  explicit TlsServer(std::chrono::seconds lifetime = 24h)
      : certificate_(directory_.write("server.pem", fake_certificate(lifetime)).string()),
        server_([](const TestRequest&) -> TestReply { return {}; }, certificate_) {}

  const std::string& certificate() const { return certificate_; }
  int port() const { return server_.port(); }
  TlsResult probe(const std::string& host, const TlsSettings& settings) const {
    return probe_tls(Socket(resolve(server_on(port())).front(), 5s), host, settings, 5s);
  }

 private:
  TemporaryDirectory directory_;
  std::string certificate_;
  TestServer server_;
};

TEST(BootstrapServers, AreParsed) {
  const auto servers = parse_servers(" kafka.ligo.org:9093 ,SASL_SSL://b:1,[::1]:2,plain,[fe80::1]");
  ASSERT_EQ(servers.size(), 5U);
  EXPECT_EQ(servers[0].text(), "kafka.ligo.org:9093");
  EXPECT_EQ(servers[1].text(), "b:1");
  EXPECT_EQ(servers[2].host, "::1");
  EXPECT_EQ(servers[2].text(), "[::1]:2");
  EXPECT_EQ(servers[3].text(), "plain:9092");
  EXPECT_EQ(servers[4].text(), "[fe80::1]:9092");
}

TEST(BootstrapServers, MalformedTextDoesNotThrow) {
  for (const char* text : {"", ",", "[", "[::1", ":", "://", "[]:", "a:b:c"}) {
    EXPECT_NO_THROW(parse_servers(text)) << text;
  }
}

TEST(Probes, UnknownHostIsNamed) {
  try {
    resolve({.host = "no-such-host.invalid", .port = "9092"});
    ADD_FAILURE() << "resolved a name under .invalid";
  } catch (const ProbeError& error) {
    EXPECT_EQ(error.code(), programs::ExitCode::unreachable);
    EXPECT_THAT(error.what(), HasSubstr("no-such-host.invalid:9092"));
    EXPECT_THAT(error.advice(), HasSubstr("--bootstrap-servers"));
  }
}

TEST(Probes, RefusedConnectionIsNamed) {
  const Address closed = resolve(server_on(1)).front();
  try {
    const Socket socket(closed, 5s);
    ADD_FAILURE() << "connected to port 1";
  } catch (const ProbeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:1: Connection refused"));
  }
}

TEST(TlsProbe, TrustsCertificateOfGivenAuthority) {
  const TlsServer server;
  const TlsResult result = server.probe("localhost", {.ca_cert = server.certificate()});
  EXPECT_EQ(result.error, "");
  EXPECT_THAT(result.version, HasSubstr("TLSv1."));
  EXPECT_THAT(result.names, Contains("localhost"));
  EXPECT_EQ(result.issuer, "localhost");
  EXPECT_GT(result.expires, std::chrono::system_clock::now());
}

TEST(TlsProbe, ReportsUnknownAuthority) {
  const TlsServer server;
  EXPECT_THAT(server.probe("localhost", {}).error, HasSubstr("self-signed"));
}

TEST(TlsProbe, ReportsHostNameMismatch) {
  const TlsServer server;
  EXPECT_THAT(server.probe("kafka.ligo.org", {.ca_cert = server.certificate()}).error, HasSubstr("hostname"));
  EXPECT_EQ(server.probe("kafka.ligo.org", {.ca_cert = server.certificate(), .verify_name = false}).error,
            "");
}

TEST(TlsProbe, ReportsExpiredCertificate) {
  const TlsServer server(-1h);
  EXPECT_THAT(server.probe("localhost", {.ca_cert = server.certificate()}).error, HasSubstr("expired"));
}

TEST(TlsProbe, NamesUnusableAuthorityFile) {
  const TlsServer server;
  try {
    server.probe("localhost", {.ca_cert = "/nonexistent/ca.pem"});
    ADD_FAILURE() << "loaded a missing file";
  } catch (const ProbeError& error) {
    EXPECT_EQ(error.code(), programs::ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/ca.pem"));
  }
}

TEST(TlsProbe, FailsOnServerWithoutTls) {
  const TestServer server([](const TestRequest&) -> TestReply { return {}; });
  const Address address = resolve(server_on(server.port())).front();
  EXPECT_THROW(probe_tls(Socket(address, 5s), "localhost", {}, 2s), ProbeError);
}

TEST(KafkaProbe, IdentifiesPlaintextBroker) {
  const MockKafka broker;
  const Server server = parse_servers(broker.bootstrap_servers()).front();
  EXPECT_EQ(identify_listener(server, resolve(server).front(), 5s), Listener::plaintext);
}

TEST(KafkaProbe, IdentifiesTlsListener) {
  const TlsServer server;
  const Server address = server_on(server.port());
  EXPECT_EQ(identify_listener(address, resolve(address).front(), 2s), Listener::tls);
}

TEST(KafkaProbe, HttpServerIsUnknown) {
  const TestServer server([](const TestRequest&) -> TestReply { return {}; });
  const Server address = server_on(server.port());
  EXPECT_EQ(identify_listener(address, resolve(address).front(), 500ms), Listener::unknown);
}

}  // namespace
}  // namespace gracedb::cli
