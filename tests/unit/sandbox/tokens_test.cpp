#include "sandbox/tokens.hpp"

#include "core/file.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <chrono>
#include <thread>

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_mode & 0777U;
}

class Tokens : public testing::Test {
 protected:
  Tokens()
      : issuer_(open_issuer(state_.path())),
        verifier_({.issuer = "https://localhost/issuer",
                   .audience = {"https://localhost"},
                   .key_id = issuer_.key_id(),
                   .public_key = issuer_.public_key(),
                   .cache_dir = state_.path() / "cache"}) {
    claims_.issuer = "https://localhost/issuer";
  }

  std::optional<std::string> user_of(const std::string& token) { return verifier_.verify(token).user; }

  test_support::TemporaryDirectory state_;
  TokenIssuer issuer_;
  TokenVerifier verifier_;
  TokenClaims claims_;
};

TEST_F(Tokens, AcceptsAValidToken) { EXPECT_EQ(user_of(issuer_.mint(claims_)), "sandbox"); }

TEST_F(Tokens, ReturnsTheSubjectInLowerCase) {
  claims_.subject = "Albert.Einstein@LIGO.ORG";
  EXPECT_EQ(user_of(issuer_.mint(claims_)), "albert.einstein@ligo.org");
}

TEST_F(Tokens, AcceptsOneMatchingAudienceOfSeveral) {
  claims_.audience = {"https://kafka.ligo.org", "https://localhost"};
  EXPECT_TRUE(user_of(issuer_.mint(claims_)));
}

TEST_F(Tokens, RejectsAnotherKey) {
  EXPECT_FALSE(user_of(TokenIssuer().mint(claims_, issuer_.key_id())));
  EXPECT_FALSE(user_of(TokenIssuer().mint(claims_))) << "an unknown key id";
}

TEST_F(Tokens, RejectsAnExpiredToken) {
  claims_.lifetime = -60s;
  EXPECT_FALSE(user_of(issuer_.mint(claims_)));
}

TEST_F(Tokens, RejectsAnAcceptedTokenOnceItExpires) {
  claims_.lifetime = 2s;
  const std::string token = issuer_.mint(claims_);
  ASSERT_TRUE(user_of(token));
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (user_of(token) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(user_of(token));
}

TEST_F(Tokens, RejectsATokenThatIsNotYetValid) {
  claims_.not_before = 30min;
  EXPECT_FALSE(user_of(issuer_.mint(claims_)));
}

TEST_F(Tokens, RejectsAnotherAudience) {
  claims_.audience = {"https://kafka.ligo.org"};
  EXPECT_FALSE(user_of(issuer_.mint(claims_)));
}

TEST_F(Tokens, RejectsAnotherIssuer) {
  claims_.issuer = "https://localhost/other-issuer";
  EXPECT_FALSE(user_of(issuer_.mint(claims_)));
}

TEST_F(Tokens, RejectsAMissingScope) {
  claims_.scope = "kafka.produce";
  const auto verdict = verifier_.verify(issuer_.mint(claims_));
  EXPECT_FALSE(verdict.user);
  EXPECT_FALSE(verdict.reason.empty());
}

TEST_F(Tokens, RejectsAModifiedToken) {
  const std::string token = issuer_.mint(claims_);
  const std::string other = issuer_.mint({.subject = "root", .issuer = claims_.issuer});
  const std::size_t signature = token.rfind('.');
  EXPECT_FALSE(user_of(other.substr(0, other.rfind('.')) + token.substr(signature)));
  EXPECT_FALSE(
      user_of("eyJhbGciOiJub25lIn0" + token.substr(token.find('.'), signature - token.find('.')) + "."));
  EXPECT_FALSE(user_of("not a token"));
  EXPECT_FALSE(user_of(""));
}

TEST_F(Tokens, KeepsTheTokenOutOfTheReason) {
  claims_.lifetime = -60s;
  const std::string token = issuer_.mint(claims_);
  EXPECT_THAT(verifier_.verify(token).reason, testing::Not(testing::HasSubstr(token.substr(0, 20))));
}

TEST_F(Tokens, ReusesTheSavedKey) {
  const TokenIssuer again = open_issuer(state_.path());
  EXPECT_EQ(again.key_id(), issuer_.key_id());
  EXPECT_TRUE(user_of(again.mint(claims_)));
  EXPECT_EQ(mode_of(state_.path() / "signing-key.pem"), 0600U);
}

TEST_F(Tokens, WritesThePublicKeyAsAKeySet) {
  const auto keys = nlohmann::json::parse(read_file(jwks_path(state_.path())))["keys"];
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0]["kid"], issuer_.key_id());
  EXPECT_EQ(keys[0]["kty"], "EC");
  EXPECT_EQ(keys[0]["crv"], "P-256");
  EXPECT_EQ(keys[0]["alg"], "ES256");
  EXPECT_EQ(keys[0]["x"].get<std::string>().size(), 43U);
  EXPECT_FALSE(keys[0].contains("d")) << "the private key";
}

TEST_F(Tokens, FailsOnAnUnusableKeyFile) {
  const auto path = state_.path() / "other.pem";
  write_file_atomically(path, "no key", 0600);
  EXPECT_THROW(TokenIssuer{path}, std::runtime_error);
}

TEST_F(Tokens, TokenFileIsRenewedBeforeTheTokenExpires) {
  claims_.lifetime = 2s;
  const auto path = state_.path() / "token";
  const TokenFile file(issuer_, claims_, path, 1500ms);
  const std::string first = read_file(path);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_TRUE(user_of(first.substr(0, first.find('\n'))));
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (read_file(path) == first && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(10ms);
  const std::string second = read_file(path);
  EXPECT_NE(second, first);
  EXPECT_TRUE(user_of(second.substr(0, second.find('\n'))));
}

}  // namespace
}  // namespace gracedb::sandbox
