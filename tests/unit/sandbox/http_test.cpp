#include "core/url.hpp"
#include "unit/sandbox/sandbox_fixture.hpp"

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;

using Segments = std::vector<std::string>;

TEST(Path, DecodesEachSegment) {
  EXPECT_EQ(parse_path("/api/v2/events/T0001/files/a%20b%2Fc.xml,0"),
            (Segments{"api", "v2", "events", "T0001", "files", "a b/c.xml,0"}));
}

TEST(Path, IgnoresEmptySegments) { EXPECT_EQ(parse_path("/api//events/"), parse_path("/api/events")); }

TEST(PercentDecoding, KeepsInvalidEscapes) {
  EXPECT_EQ(percent_decode("100%", false), "100%");
  EXPECT_EQ(percent_decode("%4", false), "%4");
  EXPECT_EQ(percent_decode("%zz%41", false), "%zzA");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
}

TEST(PercentDecoding, ReversesPercentEncoding) {
  const std::string text = "group: Test & label: ~\"x\" 100% \xc3\xa9";
  EXPECT_EQ(percent_decode(percent_encode(text), true), text);
}

TEST(Form, KeepsRepeatedFieldsInOrder) {
  Request request;
  request.form = parse_form("tagname=a&comment=two+words&tagname=b&empty=&flag");
  EXPECT_EQ(request.fields("tagname"), (Segments{"a", "b"}));
  EXPECT_EQ(request.field("comment"), "two words");
  EXPECT_FALSE(request.field("empty"));
  EXPECT_FALSE(request.field("flag"));
}

class Access : public SandboxTest {};

TEST_F(Access, RejectsAMissingOrExpiredToken) {
  httplib::Client client("127.0.0.1", port());
  const httplib::Headers headers = {{"User-Agent", "test"}};
  const auto anonymous = client.Get("/api/events/", headers);
  EXPECT_EQ(anonymous->status, 403);
  EXPECT_EQ(json_of(anonymous)["detail"], "Authentication credentials were not provided.");
  TokenClaims expired{.issuer = sandbox_.issuer(), .lifetime = -60s};
  client.set_bearer_token_auth(sandbox_.mint(expired));
  EXPECT_EQ(client.Get("/api/events/", headers)->status, 403);
  client.set_bearer_token_auth(sandbox_.mint({.subject = "Marie", .issuer = sandbox_.issuer()}));
  EXPECT_EQ(client.Get("/api/events/", headers)->status, 200);
  EXPECT_EQ(json_of(client.Get("/api/user-info/", headers))["username"], "marie");
}

TEST_F(Access, ReportsAnAnonymousUser) {
  httplib::Client client("127.0.0.1", port());
  EXPECT_EQ(json_of(client.Get("/api/user-info/", {{"User-Agent", "test"}}))["username"], "AnonymousUser");
}

TEST_F(Access, PublishesTheIssuersKey) {
  const json configuration = json_of(client_.Get("/.well-known/openid-configuration"));
  EXPECT_EQ(configuration["issuer"], sandbox_.issuer());
  const std::string address = configuration["jwks_uri"];
  const json keys = json_of(client_.Get(address.substr(address.find("/sandbox/"))));
  std::ifstream file(sandbox_.jwks());
  EXPECT_EQ(keys, json::parse(file));
}

TEST_F(Access, RejectsAMissingOrOutdatedUserAgent) {
  httplib::Client client("127.0.0.1", port());
  EXPECT_EQ(client.Get("/api/", {{"User-Agent", ""}})->status, 400);
  EXPECT_EQ(client.Get("/api/", {{"User-Agent", "gracedb-client/1.29.1"}})->status, 400);
  EXPECT_EQ(client.Get("/api/", {{"User-Agent", "gracedb-client/2.16.1"}})->status, 200);
}

TEST_F(Access, Answers404ForUnknownPathsAnd405ForUnknownMethods) {
  EXPECT_EQ(client_.Get("/api/nonsense/")->status, 404);
  EXPECT_EQ(client_.Get("/")->status, 404);
  EXPECT_EQ(client_.Delete("/api/events/")->status, 405);
  EXPECT_EQ(client_.Get("/api/events/" + std::string(7000, 'x'))->status, 404);
  EXPECT_EQ(client_.Get("/api/events/G0001/voevent/")->status, 410);
}

}  // namespace
}  // namespace gracedb::sandbox
