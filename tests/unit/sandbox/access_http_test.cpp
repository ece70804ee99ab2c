#include "unit/sandbox/sandbox_fixture.hpp"

#include <atomic>
#include <memory>
#include <thread>

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;

using Access = SandboxTest;

TEST_F(Access, NeedsAValidToken) {
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

TEST_F(Access, TellsAnonymousUsersThatTheyAre) {
  httplib::Client client("127.0.0.1", port());
  EXPECT_EQ(json_of(client.Get("/api/user-info/", {{"User-Agent", "test"}}))["username"], "AnonymousUser");
}

TEST_F(Access, LetsClientsLookUpTheIssuersKey) {
  const json configuration = json_of(client_.Get("/.well-known/openid-configuration"));
  EXPECT_EQ(configuration["issuer"], sandbox_.issuer());
  const std::string address = configuration["jwks_uri"];
  const json keys = json_of(client_.Get(address.substr(address.find("/sandbox/"))));
  std::ifstream file(sandbox_.jwks());
  EXPECT_EQ(keys, json::parse(file));
}

TEST_F(Access, NeedsAUserAgentThatIsNotTooOld) {
  httplib::Client client("127.0.0.1", port());
  EXPECT_EQ(client.Get("/api/", {{"User-Agent", ""}})->status, 400);
  EXPECT_EQ(client.Get("/api/", {{"User-Agent", "gracedb-client/1.29.1"}})->status, 400);
  EXPECT_EQ(client.Get("/api/", {{"User-Agent", "gracedb-client/2.16.1"}})->status, 200);
}

TEST_F(Access, KnowsItsPathsAndMethods) {
  EXPECT_EQ(client_.Get("/api/nonsense/")->status, 404);
  EXPECT_EQ(client_.Get("/")->status, 404);
  EXPECT_EQ(client_.Delete("/api/events/")->status, 405);
  EXPECT_EQ(client_.Get("/api/events/" + std::string(7000, 'x'))->status, 404);
  EXPECT_EQ(client_.Get("/api/events/G0001/voevent/")->status, 410);
}

TEST(LettingEverybodyIn, NeedsNoToken) {
  SandboxOptions options;
  options.authenticate = false;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  httplib::Client client("127.0.0.1", std::stoi(url.substr(url.rfind(':') + 1)));
  const auto result = client.Get("/api/user-info/", {{"User-Agent", "test"}});
  EXPECT_EQ(json_of(result)["username"], "sandbox");
}

TEST(Connections, AreServedHoweverManyStayOpen) {
  SandboxOptions options;
  options.authenticate = false;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  const int port = std::stoi(url.substr(url.rfind(':') + 1));
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < 100; ++i) {
    auto& client = clients.emplace_back(std::make_unique<httplib::Client>("127.0.0.1", port));
    client->set_keep_alive(true);
    ASSERT_EQ(client->Get("/api/user-info/", {{"User-Agent", "test"}})->status, 200) << i;
  }
}

TEST(Stop, DoesNotWaitForIdleOrHangingClients) {
  SandboxOptions options;
  options.authenticate = false;
  options.faults = {parse_fault("hang@reserve", {})};
  auto sandbox = std::make_unique<Sandbox>(std::move(options));
  const std::string& url = sandbox->service_url();
  const int port = std::stoi(url.substr(url.rfind(':') + 1));
  httplib::Client idle("127.0.0.1", port);
  idle.set_keep_alive(true);
  ASSERT_EQ(idle.Get("/api/", {{"User-Agent", "test"}})->status, 200);
  std::atomic<bool> has_begun{false};
  std::jthread hanging([&] {
    httplib::Client client("127.0.0.1", port);
    has_begun = true;
    EXPECT_FALSE(client.Post("/api/events/reserve/", {{"User-Agent", "test"}}, httplib::Params{}));
  });
  while (!has_begun)
    std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  sandbox.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(StateFolder, GoesAwayWhenItIsTemporary) {
  std::filesystem::path path;
  {
    const Sandbox sandbox{SandboxOptions{}};
    path = sandbox.state_dir();
    EXPECT_TRUE(std::filesystem::exists(path / "token"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Port, ThatIsTakenIsNotShared) {
  const Sandbox first{SandboxOptions{}};
  const std::string& url = first.service_url();
  SandboxOptions options;
  options.server.address.port = std::stoi(url.substr(url.rfind(':') + 1));
  EXPECT_THROW(Sandbox{std::move(options)}, std::runtime_error);
}

}  // namespace
}  // namespace gracedb::sandbox
