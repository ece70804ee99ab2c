#include "gracedb/auth/token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Claims meant_for(std::vector<std::string> audience) {
  Claims claims;
  claims.audience = std::move(audience);
  return claims;
}

TEST(Audience, OfAHostIsMetByTheHostOrItsHttpsUrl) {
  for (const char* offered : {"kafka.ligo.org", "kafka.ligo.org/", "https://kafka.ligo.org",
                              "https://kafka.ligo.org/", "HTTPS://Kafka.LIGO.org", "KAFKA.ligo.org"}) {
    EXPECT_TRUE(audience_matches(meant_for({offered}), "kafka.ligo.org")) << offered;
    EXPECT_TRUE(audience_matches(meant_for({offered}), "Kafka.ligo.org/")) << offered;
  }
}

TEST(Audience, OfAHostIsNotMetByAnythingElse) {
  for (const char* offered :
       {"", "ligo.org", "kafka.ligo.org.evil.org", "xkafka.ligo.org", "http://kafka.ligo.org",
        "https://kafka.ligo.org/path", "https://kafka.ligo.org:8443", "ANY", "kafka.ligo.org//"}) {
    EXPECT_FALSE(audience_matches(meant_for({offered}), "kafka.ligo.org")) << offered;
  }
  EXPECT_FALSE(audience_matches(meant_for({}), "kafka.ligo.org"));
}

TEST(Audience, OfAnHttpsUrlIsMetByItselfOnly) {
  for (const char* offered :
       {"https://gracedb.ligo.org", "https://gracedb.ligo.org/", "https://GraceDB.ligo.org"}) {
    EXPECT_TRUE(audience_matches(meant_for({offered}), "https://gracedb.ligo.org")) << offered;
  }
  EXPECT_FALSE(audience_matches(meant_for({"gracedb.ligo.org"}), "https://gracedb.ligo.org"));
  EXPECT_FALSE(audience_matches(meant_for({"http://gracedb.ligo.org"}), "https://gracedb.ligo.org"));
}

TEST(Audience, KeepsTheCaseOfAPath) {
  EXPECT_TRUE(audience_matches(meant_for({"https://HOST/Path"}), "https://host/Path"));
  EXPECT_FALSE(audience_matches(meant_for({"https://host/path"}), "https://host/Path"));
}

TEST(Audience, MayStandAnywhereInTheList) {
  EXPECT_TRUE(audience_matches(meant_for({"a", "https://b", "c"}), "b"));
  EXPECT_TRUE(audience_is_any(meant_for({"a", "ANY"})));
}

TEST(Audience, IsAnyInTheFormsOfSciTokensAndWlcg) {
  EXPECT_TRUE(audience_is_any(meant_for({"ANY"})));
  EXPECT_TRUE(audience_is_any(meant_for({"https://wlcg.cern.ch/jwt/v1/any"})));
  for (const char* other : {"any", "ANYTHING", "https://ANY", "https://wlcg.cern.ch/jwt/v1/anything", ""}) {
    EXPECT_FALSE(audience_is_any(meant_for({other}))) << other;
  }
  EXPECT_FALSE(audience_is_any(meant_for({})));
}

TEST(BootstrapServers, GiveTheirHostsAsAudiences) {
  EXPECT_THAT(audiences_of_bootstrap_servers("kafka-dev.ligo.org:9092"), ElementsAre("kafka-dev.ligo.org"));
  EXPECT_THAT(audiences_of_bootstrap_servers("kafka-dev.ligo.org"), ElementsAre("kafka-dev.ligo.org"));
  EXPECT_THAT(audiences_of_bootstrap_servers("SASL_SSL://kafka.ligo.org:9092,[::1]:9093"),
              ElementsAre("kafka.ligo.org", "::1"));
  EXPECT_THAT(audiences_of_bootstrap_servers("https://kafka.ligo.org:9092/x?y"),
              ElementsAre("kafka.ligo.org"));
  EXPECT_THAT(audiences_of_bootstrap_servers("10.0.0.7:9092"), ElementsAre("10.0.0.7"));
}

TEST(BootstrapServers, GiveEachHostOnce) {
  EXPECT_THAT(audiences_of_bootstrap_servers("a:1, b:2 ,A:3,,b"), ElementsAre("a", "b"));
}

TEST(BootstrapServers, MayBeIpv6AddressesWithoutBrackets) {
  EXPECT_THAT(audiences_of_bootstrap_servers("2001:db8::1"), ElementsAre("2001:db8::1"));
  EXPECT_THAT(audiences_of_bootstrap_servers("[2001:db8::1"), ElementsAre("2001:db8::1"));
}

TEST(BootstrapServers, WithoutAHostGiveNone) {
  for (const char* servers : {"", ",", " , ", ":9092", "SASL_SSL://", "[]:9092"}) {
    EXPECT_THAT(audiences_of_bootstrap_servers(servers), IsEmpty()) << servers;
  }
}

}  // namespace
}  // namespace gracedb::auth
