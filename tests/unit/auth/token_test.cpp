#include "gracedb/auth/token.hpp"

#include "support/fake_token.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace gracedb::auth {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test_support::fake_jwt;
using test_support::fake_token;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using TimePoint = std::chrono::system_clock::time_point;

const std::string header = R"({"alg":"RS256"})";
const std::string payload = R"({"sub":"albert.einstein@ligo.org"})";

/// The error message for a rejected token.
std::string fault_of(const std::string& token) {
  try {
    parse_claims(token);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

std::string fault_of_claims(const json& claims) { return fault_of(fake_token(claims)); }

TEST(TokenClaims, ReadsAllClaims) {
  const Claims claims = parse_claims(fake_token({{"sub", "albert.einstein@ligo.org"},
                                                 {"iss", "https://cilogon.org/igwn"},
                                                 {"aud", {"kafka.ligo.org", "https://gracedb.ligo.org"}},
                                                 {"scope", "gracedb.read kafka.produce:/gstlal"},
                                                 {"exp", 1'795'316'645},
                                                 {"nbf", 1'795'305'845},
                                                 {"iat", 1'795'305'846}}));
  EXPECT_EQ(claims.subject, "albert.einstein@ligo.org");
  EXPECT_EQ(claims.issuer, "https://cilogon.org/igwn");
  EXPECT_THAT(claims.audience, ElementsAre("kafka.ligo.org", "https://gracedb.ligo.org"));
  EXPECT_THAT(claims.scope, ElementsAre("gracedb.read", "kafka.produce:/gstlal"));
  EXPECT_EQ(claims.expires, TimePoint(seconds(1'795'316'645)));
  EXPECT_EQ(claims.not_before, TimePoint(seconds(1'795'305'845)));
  EXPECT_EQ(claims.issued_at, TimePoint(seconds(1'795'305'846)));
}

TEST(TokenClaims, AllowsMissingClaims) {
  const Claims claims = parse_claims(fake_token(json::object()));
  EXPECT_FALSE(claims.subject || claims.issuer || claims.expires || claims.not_before || claims.issued_at);
  EXPECT_THAT(claims.audience, IsEmpty());
  EXPECT_THAT(claims.scope, IsEmpty());
}

TEST(TokenClaims, ReadsASingleAudience) {
  EXPECT_THAT(parse_claims(fake_token({{"aud", "ANY"}})).audience, ElementsAre("ANY"));
}

TEST(TokenClaims, SplitsTheScopeAtAnyNumberOfSpaces) {
  EXPECT_THAT(parse_claims(fake_token({{"scope", "  a  b "}})).scope, ElementsAre("a", "b"));
  EXPECT_THAT(parse_claims(fake_token({{"scope", ""}})).scope, IsEmpty());
}

TEST(TokenClaims, KeepsFractionsOfASecond) {
  EXPECT_EQ(parse_claims(fake_token({{"exp", 1'795'316'645.25}})).expires,
            TimePoint(seconds(1'795'316'645) + milliseconds(250)));
}

TEST(TokenClaims, KeepsNonAsciiText) {
  EXPECT_EQ(parse_claims(fake_token({{"sub", "erwin.schrödinger@ligo.org ✓"}})).subject,
            "erwin.schrödinger@ligo.org ✓");
}

TEST(TokenClaims, IgnoresUnknownClaims) {
  EXPECT_EQ(fault_of_claims({{"wlcg.ver", "1.0"}, {"jti", 7}, {"nested", {{"exp", "x"}}}}), "accepted");
}

TEST(TokenClaims, ClampsDistantTimesWithoutOverflow) {
  const TimePoint now = std::chrono::system_clock::now();
  const Claims far = parse_claims(fake_token({{"exp", 99'999'999'999}}));
  EXPECT_GT(*far.expires, now + std::chrono::years(200));
  EXPECT_GT(*far.expires + std::chrono::years(1), *far.expires);
  const Claims past = parse_claims(fake_token({{"exp", -1}, {"nbf", -99'999'999'999}}));
  EXPECT_EQ(*past.expires, TimePoint());
  EXPECT_EQ(*past.not_before, TimePoint());
}

TEST(TokenClaims, ReadsAnUnsecuredToken) {
  EXPECT_EQ(parse_claims(fake_jwt(R"({"alg":"none"})", payload, "")).subject, "albert.einstein@ligo.org");
}

TEST(MalformedToken, IsRejectedWithoutThreeParts) {
  EXPECT_EQ(fault_of(""), "not a JWT: empty");
  EXPECT_EQ(fault_of("/run/user/1000/bt_u1000"), "not a JWT: 1 part instead of 3");
  EXPECT_EQ(fault_of("a.b"), "not a JWT: 2 parts instead of 3");
  EXPECT_EQ(fault_of("a.b.c.d.e"), "not a JWT: 5 parts instead of 3");
}

TEST(MalformedToken, IsRejectedWithAnEmptyPart) {
  const std::string whole = fake_jwt(header, payload);
  EXPECT_EQ(fault_of(".."), "not a JWT: the header is empty");
  EXPECT_EQ(fault_of(fake_jwt("", payload)), "not a JWT: the header is empty");
  EXPECT_EQ(fault_of(fake_jwt(header, "")), "not a JWT: the payload is empty");
  EXPECT_EQ(fault_of(fake_jwt(header, payload, "")), "not a JWT: the signature is empty");
}

TEST(MalformedToken, IsRejectedIfNotBase64Url) {
  const std::string whole = fake_jwt(header, payload);
  const std::string head = whole.substr(0, whole.find('.'));
  const std::string rest = whole.substr(whole.find('.'));
  for (const std::string bad : {"+", "/", "=", " ", "\n", "%", "\x80"}) {
    EXPECT_EQ(fault_of(fmt::format("{}{}{}", head, bad, rest)), "not a JWT: the header is not base64url")
        << bad;
    EXPECT_EQ(fault_of(fmt::format("{}.{}{}", head, bad, rest.substr(1))),
              "not a JWT: the payload is not base64url")
        << bad;
    EXPECT_EQ(fault_of(whole + bad), "not a JWT: the signature is not base64url") << bad;
  }
  EXPECT_EQ(fault_of(head + ".abcde.c2ln"), "not a JWT: the payload is not base64url");
  EXPECT_EQ(fault_of(whole.substr(0, whole.size() - 1) + std::string(1, '\0')),
            "not a JWT: the signature is not base64url");
}

TEST(MalformedToken, IsRejectedIfNotAJsonObject) {
  for (const std::string bad :
       {"{", "[]", "null", "17", "\"x\"", "{} {}", "{\"exp\":1e999}", "{\"sub\":\"\xff\"}", "\x01"}) {
    EXPECT_EQ(fault_of(fake_jwt(header, bad)), "not a JWT: the payload is not a JSON object") << bad;
    EXPECT_EQ(fault_of(fake_jwt(bad, payload)), "not a JWT: the header is not a JSON object") << bad;
  }
}

TEST(MalformedToken, IsRejectedWithAClaimOfTheWrongType) {
  const json wrong_strings = {17, nullptr, true, json::array({"x"}), json::object()};
  for (const json& wrong : wrong_strings) {
    EXPECT_EQ(fault_of_claims({{"sub", wrong}}), "not a JWT: claim 'sub' is not a string");
    EXPECT_EQ(fault_of_claims({{"iss", wrong}}), "not a JWT: claim 'iss' is not a string");
    EXPECT_EQ(fault_of_claims({{"scope", wrong}}), "not a JWT: claim 'scope' is not a string");
  }
  const json wrong_times = {"1795316645", nullptr, true, json::array({1}), json::object()};
  for (const json& wrong : wrong_times) {
    for (const char* claim : {"exp", "nbf", "iat"}) {
      EXPECT_EQ(fault_of_claims({{claim, wrong}}),
                "not a JWT: claim '" + std::string(claim) + "' is not a number");
    }
  }
  const json wrong_audiences = {17, nullptr, true, json::array({"x", 1}), json::object()};
  for (const json& wrong : wrong_audiences) {
    EXPECT_EQ(fault_of_claims({{"aud", wrong}}),
              "not a JWT: claim 'aud' is neither a string nor an array of strings");
  }
}

TEST(MalformedToken, IsRejectedWithATimeOutOfRange) {
  for (const char* number :
       {"1e300", "-1e300", "1795316645000", "18446744073709551615", "-9223372036854775808"}) {
    EXPECT_EQ(fault_of(fake_jwt(header, "{\"exp\":" + std::string(number) + "}")),
              "not a JWT: claim 'exp' is out of range");
  }
}

TEST(MalformedToken, IsRejectedIfTooLarge) {
  EXPECT_EQ(fault_of(fake_jwt(header, "{\"x\":\"" + std::string(1 << 20, 'x') + "\"}")),
            "not a JWT: larger than 1 MiB");
}

TEST(MalformedToken, IsRejectedIfNestedDeeply) {
  const std::string depth(300'000, '[');
  EXPECT_EQ(fault_of(fake_jwt(header, "{\"x\":" + depth)), "not a JWT: the payload is not a JSON object");
  EXPECT_EQ(fault_of(fake_jwt(header, "{\"x\":" + depth + std::string(depth.size(), ']') + "}")),
            "not a JWT: the payload is not a JSON object");
}

TEST(MalformedToken, IsNeverQuotedInTheError) {
  const std::string secret = "sEcReTsEcReT";
  const std::vector<std::string> tokens = {secret,
                                           secret + "." + secret,
                                           secret + "." + secret + "." + secret,
                                           fake_jwt(header, payload) + "." + secret,
                                           fake_jwt(header, secret),
                                           fake_jwt(header, "{\"sub\": " + secret + "}"),
                                           fake_token({{"exp", secret}}),
                                           fake_token({{"aud", {{secret, 1}}}})};
  for (const std::string& token : tokens) {
    const std::string fault = fault_of(token);
    EXPECT_THAT(fault, StartsWith("not a JWT: "));
    EXPECT_THAT(fault, Not(HasSubstr(secret)));
    EXPECT_THAT(fault, Not(HasSubstr(token.substr(0, 8))));
  }
}

TEST(TokenScope, IsGrantedWithOrWithoutAPath) {
  EXPECT_TRUE(
      grants_scope(parse_claims(fake_token({{"scope", "gracedb.read kafka.produce"}})), "kafka.produce"));
  EXPECT_TRUE(grants_scope(parse_claims(fake_token({{"scope", "kafka.produce:/gstlal"}})), "kafka.produce"));
}

TEST(TokenScope, IsNotGrantedByALongerOrShorterWord) {
  for (const char* scope : {"kafka.producer", "kafka", "kafka.prod", "xkafka.produce", "KAFKA.PRODUCE", ""}) {
    EXPECT_FALSE(grants_scope(parse_claims(fake_token({{"scope", scope}})), "kafka.produce")) << scope;
  }
  EXPECT_FALSE(grants_scope(parse_claims(fake_token(json::object())), "kafka.produce"));
}

TEST(Token, KeepsItsSerializedForm) {
  const std::string serialized = fake_jwt(header, payload);
  const Token token(serialized);
  EXPECT_EQ(token.serialized(), serialized);
  EXPECT_EQ(token.claims().subject, "albert.einstein@ligo.org");
}

Claims meant_for(std::vector<std::string> audience) {
  Claims claims;
  claims.audience = std::move(audience);
  return claims;
}

TEST(Audience, OfAHostMatchesTheHostOrItsHttpsUrl) {
  for (const char* offered : {"kafka.ligo.org", "kafka.ligo.org/", "https://kafka.ligo.org",
                              "https://kafka.ligo.org/", "HTTPS://Kafka.LIGO.org", "KAFKA.ligo.org"}) {
    EXPECT_TRUE(audience_matches(meant_for({offered}), "kafka.ligo.org")) << offered;
    EXPECT_TRUE(audience_matches(meant_for({offered}), "Kafka.ligo.org/")) << offered;
  }
}

TEST(Audience, OfAHostMatchesNothingElse) {
  for (const char* offered :
       {"", "ligo.org", "kafka.ligo.org.evil.org", "xkafka.ligo.org", "http://kafka.ligo.org",
        "https://kafka.ligo.org/path", "https://kafka.ligo.org:8443", "ANY", "kafka.ligo.org//"}) {
    EXPECT_FALSE(audience_matches(meant_for({offered}), "kafka.ligo.org")) << offered;
  }
  EXPECT_FALSE(audience_matches(meant_for({}), "kafka.ligo.org"));
}

TEST(Audience, OfAnHttpsUrlMatchesOnlyItself) {
  for (const char* offered :
       {"https://gracedb.ligo.org", "https://gracedb.ligo.org/", "https://GraceDB.ligo.org"}) {
    EXPECT_TRUE(audience_matches(meant_for({offered}), "https://gracedb.ligo.org")) << offered;
  }
  EXPECT_FALSE(audience_matches(meant_for({"gracedb.ligo.org"}), "https://gracedb.ligo.org"));
  EXPECT_FALSE(audience_matches(meant_for({"http://gracedb.ligo.org"}), "https://gracedb.ligo.org"));
}

TEST(Audience, IsCaseSensitiveInThePath) {
  EXPECT_TRUE(audience_matches(meant_for({"https://HOST/Path"}), "https://host/Path"));
  EXPECT_FALSE(audience_matches(meant_for({"https://host/path"}), "https://host/Path"));
}

TEST(Audience, MatchesAnywhereInTheList) {
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

TEST(BootstrapServers, YieldTheirHostsAsAudiences) {
  EXPECT_THAT(audiences_of_bootstrap_servers("kafka-dev.ligo.org:9092"), ElementsAre("kafka-dev.ligo.org"));
  EXPECT_THAT(audiences_of_bootstrap_servers("kafka-dev.ligo.org"), ElementsAre("kafka-dev.ligo.org"));
  EXPECT_THAT(audiences_of_bootstrap_servers("SASL_SSL://kafka.ligo.org:9092,[::1]:9093"),
              ElementsAre("kafka.ligo.org", "::1"));
  EXPECT_THAT(audiences_of_bootstrap_servers("https://kafka.ligo.org:9092/x?y"),
              ElementsAre("kafka.ligo.org"));
  EXPECT_THAT(audiences_of_bootstrap_servers("10.0.0.7:9092"), ElementsAre("10.0.0.7"));
}

TEST(BootstrapServers, YieldEachHostOnce) {
  EXPECT_THAT(audiences_of_bootstrap_servers("a:1, b:2 ,A:3,,b"), ElementsAre("a", "b"));
}

TEST(BootstrapServers, MayBeIpv6AddressesWithoutBrackets) {
  EXPECT_THAT(audiences_of_bootstrap_servers("2001:db8::1"), ElementsAre("2001:db8::1"));
  EXPECT_THAT(audiences_of_bootstrap_servers("[2001:db8::1"), ElementsAre("2001:db8::1"));
}

TEST(BootstrapServers, WithoutAHostYieldNone) {
  for (const char* servers : {"", ",", " , ", ":9092", "SASL_SSL://", "[]:9092"}) {
    EXPECT_THAT(audiences_of_bootstrap_servers(servers), IsEmpty()) << servers;
  }
}

}  // namespace
}  // namespace gracedb::auth
