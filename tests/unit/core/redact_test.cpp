#include "core/redact.hpp"

#include "support/fake_token.hpp"

#include <gtest/gtest.h>

namespace gracedb {
namespace {

using test_support::fake_jwt;

const std::string token = fake_jwt(R"({"alg":"RS256"})", R"({"sub":"albert.einstein@ligo.org"})");

TEST(Redact, KeepsTextWithoutAToken) {
  for (const std::string text :
       {"", "kafka-dev.ligo.org:9092: connection refused", "a.b.c", "...", "coinc.xml\n"}) {
    EXPECT_EQ(redact(text), text);
  }
}

TEST(Redact, ReplacesAToken) { EXPECT_EQ(redact(token), "[token]"); }

TEST(Redact, ReplacesEveryTokenInAText) {
  EXPECT_EQ(redact("Authorization: Bearer " + token + ", then (" + token + ") and\n" + token + "\n"),
            "Authorization: Bearer [token], then ([token]) and\n[token]\n");
}

TEST(Redact, ReplacesATokenNextToOtherText) {
  EXPECT_EQ(redact("access_token=" + token + "&x=1"), "access_token=[token]&x=1");
  EXPECT_EQ(redact("/tmp/" + token), "/tmp/[token]");
  EXPECT_EQ(redact("Bearer_" + token), "Bearer_[token]");
}

TEST(Redact, ReplacesATokenTruncatedInPayloadOrSignature) {
  EXPECT_EQ(redact(token.substr(0, token.find('.') + 5)), "[token]");
  EXPECT_EQ(redact(token.substr(0, token.rfind('.') + 3)), "[token]");
}

TEST(Redact, ReplacesAPayloadWithItsSignature) {
  EXPECT_EQ(redact("header " + token.substr(token.find('.') + 1)), "header [token]");
}

TEST(Redact, ReplacesAnUnsecuredToken) {
  EXPECT_EQ(redact(fake_jwt(R"({"alg":"none"})", R"({"sub":"x"})", "")), "[token]");
}

TEST(Redact, ReplacesATokenWhoseHeaderBeginsWithWhiteSpace) {
  for (const std::string header : {R"({ "alg": "RS256"})", "{\n \"alg\": \"RS256\"}",
                                   "{\r\n \"alg\": \"RS256\"}", "{\t\"alg\": \"RS256\"}"}) {
    EXPECT_EQ(redact("token " + fake_jwt(header, "{ \"sub\": \"albert.einstein@ligo.org\"}") + "!"),
              "token [token]!");
  }
}

TEST(Redact, KeepsWordsThatBeginLikeAToken) {
  for (const std::string text :
       {"eyJ", "ewok.example.org", "eyAbbott.txt", "monkeyJump", "a sentence ends in eyJ."}) {
    EXPECT_EQ(redact(text), text);
  }
}

}  // namespace
}  // namespace gracedb
