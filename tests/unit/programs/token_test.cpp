#include "gracedb-kafka/token.hpp"

#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::cli {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::chrono::system_clock::time_point now{1'795'316'645s};
const auth::TokenRequest request{
    .audiences = {"kafka.ligo.org"}, .scope = "kafka.produce", .min_lifetime = std::chrono::seconds(60)};
const programs::Style plain(false);

auth::Discovery found(const std::string& audience, const std::string& scope, std::chrono::seconds left) {
  auth::Discovery discovery;
  discovery.token = auth::Token(test_support::fake_token(audience, scope, now + left));
  discovery.source = "$BEARER_TOKEN_FILE (/run/bt)";
  discovery.places = {{"$SCITOKEN", "not set"}, {"$BEARER_TOKEN_FILE (/run/bt)", "used"}};
  return discovery;
}

TEST(TokenReport, ShowsClaimsAndRemainingLifetime) {
  const auto text = token_text(request, found("ANY", "kafka.produce gracedb.read", 3h), now, plain);
  EXPECT_THAT(
      text, AllOf(HasSubstr("$BEARER_TOKEN_FILE (/run/bt)"), HasSubstr("albert.einstein@ligo.org"),
                  HasSubstr("https://test.cilogon.org/igwn"), HasSubstr("ANY"),
                  HasSubstr("kafka.produce gracedb.read"), HasSubstr("2026-11-22 06:04:05 UTC, in 3 h 0 min"),
                  HasSubstr("kafka.produce at kafka.ligo.org: yes")));
}

TEST(TokenReport, NeverShowsTheToken) {
  const auth::Discovery discovery = found("ANY", "kafka.produce", 3h);
  const std::string& token = discovery.token->serialized();
  EXPECT_THAT(token_text(request, discovery, now, plain),
              AllOf(Not(HasSubstr(token)), Not(HasSubstr("eyJ"))));
  EXPECT_THAT(token_json(request, discovery, now), AllOf(Not(HasSubstr(token)), Not(HasSubstr("eyJ"))));
}

TEST(TokenReport, ListsReasonsForARejection) {
  const auto problems = [](const auth::Discovery& discovery) {
    return token_problems(request, discovery.token->claims(), now);
  };
  EXPECT_EQ(problems(found("kafka.ligo.org", "kafka.produce:/gstlal", 1h)), "");
  EXPECT_EQ(problems(found("https://kafka.ligo.org", "kafka.produce", 1h)), "");
  EXPECT_EQ(problems(found("elsewhere", "kafka.produce", 1h)), "its audience is not kafka.ligo.org");
  EXPECT_EQ(problems(found("ANY", "gracedb.read", 1h)), "it has no scope kafka.produce");
  EXPECT_EQ(problems(found("ANY", "gracedb.read", 30s)),
            "it has no scope kafka.produce, and it expires in 30.0 s");
}

TEST(TokenReport, ListsEveryLocation) {
  EXPECT_EQ(locations_text(found("ANY", "kafka.produce", 1h)),
            "locations searched\n"
            "  $SCITOKEN                     not set\n"
            "  $BEARER_TOKEN_FILE (/run/bt)  used\n");
}

TEST(TokenReport, IsOneJsonObject) {
  const auto json = nlohmann::json::parse(token_json(request, found("ANY", "kafka.produce", 1h), now));
  EXPECT_EQ(json.at("subject"), "albert.einstein@ligo.org");
  EXPECT_EQ(json.at("expires"), "2026-11-22T04:04:05.000Z");
  EXPECT_EQ(json.at("seconds_left"), 3600);
  EXPECT_EQ(json.at("suits"), true);
  EXPECT_EQ(json.at("places").size(), 2U);
}

TEST(TokenReport, JsonHasNullsWithoutAToken) {
  const auth::Discovery none{.token = std::nullopt, .source = {}, .places = {{"$SCITOKEN", "not set"}}};
  const auto json = nlohmann::json::parse(token_json(request, none, now));
  EXPECT_TRUE(json.at("source").is_null());
  EXPECT_TRUE(json.at("expires").is_null());
  EXPECT_EQ(json.at("suits"), false);
}

}  // namespace
}  // namespace gracedb::cli
