#include "gracedb-sandbox/commands.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::sandbox::commands {
namespace {

using namespace std::chrono_literals;

SandboxOptions parse(std::vector<std::string> arguments) {
  CLI::App app;
  ServeOptions options;
  options.add_to(app);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 reads them from the back
  app.parse(arguments);
  return options.to_sandbox_options();
}

std::string reason_of(const std::vector<std::string>& arguments) {
  try {
    parse(arguments);
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return {};
}

TEST(ServeOptions, ListensOnAFreeLoopbackPortByDefault) {
  const SandboxOptions options = parse({});
  EXPECT_EQ(options.server.address.host, "127.0.0.1");
  EXPECT_EQ(options.server.address.port, 0);
  EXPECT_TRUE(options.authenticate);
  EXPECT_TRUE(options.fsync);
  EXPECT_FALSE(options.embedded_broker);
  EXPECT_FALSE(options.bootstrap_servers);
  EXPECT_EQ(options.token.lifetime, 1h);
}

TEST(ServeOptions, ListensOnTheGivenAddress) {
  EXPECT_EQ(parse({"--listen", "0.0.0.0:8080"}).server.address.host, "0.0.0.0");
  EXPECT_EQ(parse({"--listen", "0.0.0.0:8080"}).server.address.port, 8080);
  EXPECT_EQ(parse({"--listen", "[::1]:80"}).server.address.host, "::1");
  EXPECT_EQ(parse({"--listen", "8080"}).server.address.port, 8080);
}

TEST(ServeOptions, SelectsAnEmbeddedOrExternalBroker) {
  EXPECT_TRUE(parse({"--broker", "embedded"}).embedded_broker);
  const SandboxOptions options =
      parse({"--broker", "kafka:9092", "-X", "security.protocol=ssl", "-X", "a=b=c"});
  EXPECT_EQ(options.bootstrap_servers, "kafka:9092");
  EXPECT_EQ(options.kafka_config.at("security.protocol"), "ssl");
  EXPECT_EQ(options.kafka_config.at("a"), "b=c");
}

TEST(ServeOptions, AppliesTheDefaultFaultTarget) {
  const SandboxOptions options =
      parse({"--fault", "503:0.1", "--fault", "hang@create", "--fault-on", "upload"});
  ASSERT_EQ(options.faults.size(), 2U);
  EXPECT_EQ(options.faults[0].target, Operation::upload);
  EXPECT_EQ(options.faults[1].target, Operation::create);
}

TEST(ServeOptions, NamesTheWrongOption) {
  EXPECT_THAT(reason_of({"--listen", "nowhere"}), testing::HasSubstr("--listen"));
  EXPECT_THAT(reason_of({"--broker", "nowhere"}), testing::HasSubstr("--broker"));
  EXPECT_THAT(reason_of({"--topic", "x"}), testing::HasSubstr("--topic"));
  EXPECT_THAT(reason_of({"-X", "=x"}), testing::HasSubstr("-X"));
  EXPECT_THAT(reason_of({"--answer-delay", "soon"}), testing::HasSubstr("--answer-delay"));
  EXPECT_THAT(reason_of({"--renew-before", "-1s"}), testing::HasSubstr("--renew-before"));
  EXPECT_THAT(reason_of({"--token-lifetime", "0"}), testing::HasSubstr("--token-lifetime"));
  EXPECT_THAT(reason_of({"--fault-on", "x"}), testing::HasSubstr("--fault-on"));
  EXPECT_THAT(reason_of({"--instance-name", "a.b"}), testing::HasSubstr("--instance-name"));
  EXPECT_THAT(reason_of({"--tls-cert", "/"}), testing::HasSubstr("--tls-cert"));
}

}  // namespace
}  // namespace gracedb::sandbox::commands
