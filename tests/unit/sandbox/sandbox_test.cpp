#include "sandbox/sandbox.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "sandbox/kafka_handle.hpp"
#include "sandbox/sample_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include <fstream>
#include <thread>

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

json json_of(const httplib::Result& result) { return json::parse(result.value().body); }

httplib::MultipartFormDataItems event_form(const std::string& contents,
                                           std::vector<std::pair<std::string, std::string>> fields = {}) {
  httplib::MultipartFormDataItems items = {{"eventFile", contents, "coinc.xml", "text/xml"}};
  for (auto& [name, value] : fields)
    items.push_back({name, value, "", ""});
  return items;
}

/// A sandbox and a client that has its token.
class SandboxTest : public testing::Test {
 protected:
  explicit SandboxTest(SandboxOptions options = {})
      : sandbox_(std::move(options)), client_("127.0.0.1", port()) {
    std::ifstream file(sandbox_.token_file());
    std::string token;
    std::getline(file, token);
    client_.set_bearer_token_auth(token.c_str());
    client_.set_default_headers({{"User-Agent", "gracedb-sandbox-test"}});
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
    client_.set_read_timeout(10, 0);
  }

  int port() const {
    const std::string& url = sandbox_.service_url();
    return std::stoi(url.substr(url.rfind(':') + 1));
  }

  std::string reserve(httplib::Params fields = {{"group", "CBC"}, {"pipeline", "gstlal"}}) {
    return json_of(client_.Post("/api/events/reserve/", fields))["graceid"];
  }
  httplib::Result upload(const std::string& graceid, const std::string& contents) {
    return client_.Post("/api/events/" + graceid + "/upload/", event_form(contents));
  }
  std::string create(const std::string& contents = samples::coinc) {
    return json_of(client_.Post("/api/events/",
                                event_form(contents, {{"group", "CBC"}, {"pipeline", "gstlal"}})))["graceid"];
  }
  void set_faults(const std::vector<std::string>& specs) {
    const auto result = client_.Post("/sandbox/faults", json(specs).dump(), "application/json");
    ASSERT_EQ(result.value().status, 200) << result->body;
  }
  json own_events() { return json_of(client_.Get("/sandbox/events"))["events"]; }
  json own_alerts() { return json_of(client_.Get("/sandbox/alerts"))["alerts"]; }

  Sandbox sandbox_;
  httplib::Client client_;
};

using ApiRoot = SandboxTest;
using Reservation = SandboxTest;
using Upload = SandboxTest;
using Creation = SandboxTest;
using Files = SandboxTest;
using Labels = SandboxTest;
using Log = SandboxTest;
using EventList = SandboxTest;
using Access = SandboxTest;
using Faults = SandboxTest;
using Stopping = SandboxTest;

TEST_F(ApiRoot, SaysWhereEverythingIs) {
  const json root = json_of(client_.Get("/api/"));
  const std::string api = "http://127.0.0.1:" + std::to_string(port()) + "/api/";
  EXPECT_EQ(root["links"]["self"], api);
  EXPECT_EQ(root["links"]["events"], api + "events/");
  EXPECT_EQ(root["templates"]["event-reserve-template"], api + "events/reserve/");
  EXPECT_EQ(root["templates"]["event-upload-template"], api + "events/{graceid}/upload/");
  EXPECT_EQ(root["templates"]["event-detail-template"], api + "events/{graceid}");
  EXPECT_EQ(root["api-default"], "v2");
  EXPECT_THAT(root["groups"].get<std::vector<std::string>>(), testing::Contains("Test"));
  EXPECT_THAT(root["pipelines"].get<std::vector<std::string>>(), testing::Contains("gstlal"));
  EXPECT_THAT(root["labels"].get<std::vector<std::string>>(), testing::Contains("INJ"));
}

TEST_F(ApiRoot, SpeaksOfTheVersionAskedFor) {
  const json root = json_of(client_.Get("/api/v1/"));
  EXPECT_THAT(root["links"]["self"].get<std::string>(), testing::EndsWith("/api/v1/"));
  EXPECT_EQ(client_.Get("/api/v3/")->status, 404);
}

TEST_F(ApiRoot, IsOpenToEverybody) {
  httplib::Client anonymous("127.0.0.1", port());
  EXPECT_EQ(anonymous.Get("/api/v2/", {{"User-Agent", "test"}})->status, 200);
}

TEST_F(Reservation, GivesAGraceid) {
  const auto result = client_.Post(
      "/api/v2/events/reserve/",
      httplib::Params{
          {"group", "Test"}, {"pipeline", "gstlal"}, {"search", "AllSky"}, {"replay_id", "run_7"}});
  EXPECT_EQ(result->status, 201);
  const json reservation = json_of(result);
  EXPECT_EQ(reservation["graceid"], "T0001");
  EXPECT_EQ(reservation["submitter"], "sandbox");
  EXPECT_EQ(reservation["replay_id"], "run_7");
  EXPECT_EQ(own_events().at(0)["state"], "reserved");
}

TEST_F(Reservation, IsNotAnEventYet) {
  const auto result = client_.Get("/api/events/" + reserve());
  EXPECT_EQ(result->status, 404);
  EXPECT_EQ(result->body, "Event not found.");
  EXPECT_EQ(json_of(client_.Get("/api/events/?query=CBC"))["numRows"], 0);
  EXPECT_THAT(own_alerts(), IsEmpty());
}

TEST_F(Reservation, IsRefusedWithAllItsFaultsAtOnce) {
  const auto result = client_.Post(
      "/api/events/reserve/",
      httplib::Params{
          {"group", "Cbc"}, {"search", "Everywhere"}, {"content_id", "12"}, {"replay_id", "has space"}});
  EXPECT_EQ(result->status, 400);
  EXPECT_THAT(json_of(result)["errors"].get<std::vector<std::string>>(),
              ElementsAre(StartsWith("group:"), StartsWith("pipeline:"), StartsWith("search:"),
                          StartsWith("content_id:"), StartsWith("replay_id:")));
}

TEST_F(Upload, CompletesAReservation) {
  const std::string graceid = reserve();
  const auto result = client_.Post("/api/events/" + graceid + "/upload/",
                                   event_form(samples::coinc, {{"graceid", graceid},
                                                               {"labels", "INJ"},
                                                               {"labels", "DQV"},
                                                               {"kafka_server", "broker:9092"},
                                                               {"kafka_topic", "localhost.gstlal"}}));
  EXPECT_EQ(result->status, 201) << result->body;
  EXPECT_THAT(result->get_header_value("Location"), testing::EndsWith("/api/events/" + graceid));
  const json event = json_of(client_.Get("/api/events/" + graceid));
  EXPECT_EQ(event["graceid"], graceid);
  EXPECT_EQ(event["gpstime"], 1187008882.443);
  EXPECT_EQ(event["far"], 1.5e-12);
  EXPECT_EQ(event["instruments"], "H1,L1");
  EXPECT_EQ(event["labels"], json({"INJ", "DQV"}));
  EXPECT_EQ(event["extra_attributes"]["CoincInspiral"]["snr"], 32.4);
  EXPECT_GT(event["reporting_latency"], 0);
  EXPECT_EQ(client_.Get("/api/events/" + graceid + "/files/coinc.xml")->body, samples::coinc);
  const json own = own_events().at(0);
  EXPECT_EQ(own["kafka_server"], "broker:9092");
  EXPECT_EQ(own["kafka_topic"], "localhost.gstlal");
  EXPECT_EQ(own["upload_count"], 1);
}

TEST_F(Upload, KeepsTheFileByteForByte) {
  std::string bytes = "--boundary\r\n\r\n--\r\n";
  for (int i = 0; i < 300000; ++i)
    bytes += static_cast<char>((i * 31) ^ (i >> 7));
  const std::string graceid = reserve({{"group", "Test"}, {"pipeline", "Omega"}});
  EXPECT_EQ(upload(graceid, bytes)->status, 201);
  EXPECT_EQ(client_.Get("/api/events/" + graceid + "/files/coinc.xml")->body, bytes);
}

TEST_F(Upload, OfTheSameContentAgainIsDone) {
  const std::string graceid = reserve();
  EXPECT_EQ(upload(graceid, samples::coinc)->status, 201);
  const auto again = upload(graceid, samples::coinc);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(json_of(again)["already_complete"], true);
  EXPECT_EQ(json_of(again)["graceid"], graceid);
  EXPECT_EQ(own_alerts().size(), 1U);
}

TEST_F(Upload, OfOtherContentIsAConflict) {
  const std::string graceid = reserve();
  upload(graceid, samples::coinc);
  EXPECT_EQ(upload(graceid, samples::coinc_with_integer_ids)->status, 409);
}

TEST_F(Upload, OfContentThatWasNotAnnouncedIsAConflict) {
  const std::string graceid =
      reserve({{"group", "CBC"}, {"pipeline", "gstlal"}, {"content_id", kafka::content_id(samples::coinc)}});
  EXPECT_EQ(upload(graceid, samples::cwb)->status, 409);
  EXPECT_EQ(upload(graceid, samples::coinc)->status, 201);
}

TEST_F(Upload, ToAnUnknownGraceidIsNotFound) { EXPECT_EQ(upload("G0042", samples::coinc)->status, 404); }

TEST_F(Upload, NeedsAFileAndKnownLabels) {
  const std::string graceid = reserve();
  const auto result = client_.Post("/api/events/" + graceid + "/upload/",
                                   httplib::MultipartFormDataItems{{"labels", "NONSENSE", "", ""}});
  EXPECT_EQ(result->status, 400);
  EXPECT_THAT(json_of(result)["errors"].get<std::vector<std::string>>(),
              ElementsAre(StartsWith("eventFile:"), HasSubstr("NONSENSE")));
}

TEST_F(Upload, PublishesTheAlert) {
  const std::string graceid = reserve();
  EXPECT_THAT(own_alerts(), IsEmpty()) << "a reservation is no event";
  upload(graceid, samples::coinc);
  const json alert = own_alerts().at(0);
  EXPECT_EQ(alert["topic"], "localhost.cbc_gstlal");
  EXPECT_EQ(alert["payload"]["uid"], graceid);
  EXPECT_EQ(alert["payload"]["alert_type"], "new");
  EXPECT_EQ(alert["payload"]["object"]["graceid"], graceid);
  EXPECT_EQ(alert["payload"]["data"], alert["payload"]["object"]);
}

TEST_F(Upload, OfAFileThatCannotBeReadIsKeptWithoutAnAlert) {
  const std::string graceid = reserve();
  const auto result = upload(graceid, "no xml");
  EXPECT_EQ(result->status, 201);
  EXPECT_THAT(json_of(result)["warnings"].at(0).get<std::string>(),
              StartsWith("Problem scanning data. No alert issued ("));
  EXPECT_TRUE(json_of(result)["gpstime"].is_null());
  EXPECT_THAT(own_alerts(), IsEmpty());
}

TEST_F(Creation, MakesAnEventAtOnce) {
  const auto result = client_.Post(
      "/api/v1/events/",
      event_form(samples::coinc, {{"group", "Test"}, {"pipeline", "gstlal"}, {"offline", "True"}}));
  EXPECT_EQ(result->status, 201);
  const json event = json_of(result);
  EXPECT_EQ(event["graceid"], "T0001");
  EXPECT_EQ(event["offline"], true);
  EXPECT_EQ(event["warnings"], json::array());
  EXPECT_EQ(event["superevent_neighbours"], json::object());
  EXPECT_THAT(event["links"]["self"].get<std::string>(), testing::EndsWith("/api/v1/events/T0001"));
  EXPECT_EQ(own_alerts().size(), 1U);
}

TEST_F(Creation, DropsAMalformedReplayIdWithAWarning) {
  const auto result = client_.Post(
      "/api/events/",
      event_form(samples::coinc, {{"group", "Test"}, {"pipeline", "gstlal"}, {"replay_id", "has space"}}));
  EXPECT_EQ(result->status, 201);
  EXPECT_TRUE(json_of(result)["replay_id"].is_null());
  EXPECT_THAT(json_of(result)["warnings"].at(0).get<std::string>(), HasSubstr("malformed replay_id"));
}

TEST_F(Creation, IsRefusedWithoutGroupPipelineAndFile) {
  const auto result = client_.Post("/api/events/", httplib::Params{{"search", "AllSky"}});
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(json_of(result)["errors"].size(), 3U);
}

TEST_F(Creation, CanBeFollowedByANewFile) {
  const std::string graceid = create();
  const auto result = client_.Put("/api/events/" + graceid, event_form(samples::coinc_with_integer_ids));
  EXPECT_EQ(result->status, 202);
  EXPECT_EQ(json_of(client_.Get("/api/events/" + graceid))["gpstime"], 971609248);
  EXPECT_EQ(client_.Get("/api/events/" + graceid + "/files/coinc.xml,0")->body, samples::coinc);
  EXPECT_EQ(own_alerts().at(1)["payload"]["alert_type"], "update");
}

TEST_F(Files, AreListedWithTheirVersions) {
  const std::string event = "/api/events/" + create();
  const httplib::MultipartFormDataItems plot = {{"comment", "plot", "", ""},
                                                {"upload", "one", "dir/plot.png", "image/png"}};
  EXPECT_EQ(client_.Post(event + "/log/", plot)->status, 201);
  const httplib::MultipartFormDataItems again = {{"upload", "two", "plot.png", "image/png"}};
  EXPECT_EQ(client_.Post(event + "/log/", again)->status, 201);
  std::vector<std::string> names;
  const json list = json_of(client_.Get(event + "/files/"));
  for (const json& file : list["files"])
    names.push_back(file["filename"]);
  EXPECT_THAT(names, ElementsAre("coinc.xml", "coinc.xml,0", "plot.png", "plot.png,0", "plot.png,1"));
  EXPECT_EQ(client_.Get(event + "/files/plot.png,0")->body, "one");
  EXPECT_EQ(client_.Get(event + "/files/plot.png")->body, "two");
  const auto missing = client_.Get(event + "/files/plot.png,7");
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "File plot.png,7 not found");
}

TEST_F(Files, AreAMapInVersion1) {
  const std::string graceid = create();
  const json files = json_of(client_.Get("/api/v1/events/" + graceid + "/files/"));
  EXPECT_THAT(files["coinc.xml"].get<std::string>(),
              testing::EndsWith("/api/v1/events/" + graceid + "/files/coinc.xml"));
}

TEST_F(Labels, AreAddedOnceAndRemovedOnce) {
  const std::string labels = "/api/events/" + create() + "/labels/";
  const auto added = client_.Put(labels + "INJ");
  EXPECT_EQ(added->status, 201);
  EXPECT_EQ(json_of(added), json::object());
  EXPECT_EQ(client_.Put(labels + "INJ")->status, 200);
  EXPECT_EQ(json_of(client_.Get(labels))["labels"].at(0)["name"], "INJ");
  EXPECT_EQ(json_of(client_.Get(labels + "INJ"))["creator"], "sandbox");
  EXPECT_EQ(client_.Delete(labels + "INJ")->status, 204);
  EXPECT_EQ(client_.Delete(labels + "INJ")->status, 404);
  EXPECT_EQ(client_.Get(labels + "INJ")->status, 404);
}

TEST_F(Labels, ThatAreUnknownOrProtectedAreRefused) {
  const std::string labels = "/api/events/" + create() + "/labels/";
  EXPECT_EQ(client_.Put(labels + "NONSENSE")->status, 400);
  EXPECT_EQ(client_.Put(labels + "H1OK")->status, 400);
}

TEST_F(Labels, AreAnsweredWithAStringInVersion1) {
  EXPECT_EQ(json_of(client_.Put("/api/v1/events/" + create() + "/labels/INJ")), json("{}"));
}

TEST_F(Log, HoldsWhatWasWritten) {
  const std::string log = "/api/events/" + create() + "/log/";
  const httplib::Params fields = {
      {"comment", "looks fine"}, {"tagname", "em"}, {"tagname", "pe"}, {"label", "DQV"}};
  const auto written = client_.Post(log, fields);
  EXPECT_EQ(written->status, 201);
  EXPECT_EQ(json_of(written)["N"], 2);
  EXPECT_EQ(json_of(written)["tag_names"], json({"em", "pe"}));
  EXPECT_THAT(written->get_header_value("Location"), testing::EndsWith("/log/2"));
  const json list = json_of(client_.Get(log));
  EXPECT_EQ(list["numRows"], 2);
  EXPECT_EQ(list["logs"].at(1)["comment"], "looks fine");
  EXPECT_EQ(json_of(client_.Get(log + "1"))["filename"], "coinc.xml");
  EXPECT_EQ(client_.Get(log + "3")->status, 404);
}

TEST_F(Log, TakesLongComments) {
  const std::string comment(100000, 'x');
  const auto written =
      client_.Post("/api/events/" + create() + "/log/", httplib::Params{{"comment", comment}});
  EXPECT_EQ(written->status, 201);
  EXPECT_EQ(json_of(written)["comment"], comment);
}

TEST_F(Log, TakesTags) {
  const std::string tag = "/api/events/" + create() + "/log/1/tag/em";
  EXPECT_EQ(client_.Put(tag)->status, 201);
  const auto again = client_.Put(tag);
  EXPECT_EQ(again->status, 409);
  EXPECT_EQ(again->body, "Log already has tag em");
  EXPECT_EQ(client_.Delete(tag)->status, 204);
  EXPECT_EQ(client_.Delete(tag)->status, 404);
}

TEST_F(EventList, LeadsFromPageToPage) {
  for (int i = 0; i < 5; ++i)
    create();
  std::vector<std::string> graceids;
  std::string path = "/api/events/?query=CBC&sort=graceid&count=2";
  while (!path.empty()) {
    const json page = json_of(client_.Get(path));
    EXPECT_EQ(page["numRows"], 5);
    for (const json& event : page["events"])
      graceids.push_back(event["graceid"]);
    const json next = page["links"]["next"];
    path = next.is_null() ? "" : next.get<std::string>().substr(next.get<std::string>().find("/api/"));
  }
  EXPECT_THAT(graceids, ElementsAre("G0001", "G0002", "G0003", "G0004", "G0005"));
}

TEST_F(EventList, LinksItsEnds) {
  for (int i = 0; i < 5; ++i)
    create();
  const json links = json_of(client_.Get("/api/events/?start=2&count=2"))["links"];
  EXPECT_THAT(links["first"].get<std::string>(), HasSubstr("start=0&"));
  EXPECT_THAT(links["previous"].get<std::string>(), HasSubstr("start=0&"));
  EXPECT_THAT(links["self"].get<std::string>(), HasSubstr("start=2&"));
  EXPECT_THAT(links["next"].get<std::string>(), HasSubstr("start=4&"));
  EXPECT_THAT(links["last"].get<std::string>(), HasSubstr("start=4&"));
}

TEST_F(EventList, RefusesWhatItDoesNotUnderstand) {
  const auto result = client_.Get("/api/events/?query=color%3A%20red");
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(json_of(result)["error"], "Invalid query");
  EXPECT_EQ(client_.Get("/api/events/?count=many")->status, 400);
  EXPECT_EQ(client_.Get("/api/events/?start=-1")->status, 400);
}

TEST_F(Access, NeedsAValidToken) {
  httplib::Client client("127.0.0.1", port());
  const httplib::Headers headers = {{"User-Agent", "test"}};
  const auto anonymous = client.Get("/api/events/", headers);
  EXPECT_EQ(anonymous->status, 403);
  EXPECT_EQ(json_of(anonymous)["detail"], "Authentication credentials were not provided.");
  TokenClaims expired{.issuer = sandbox_.issuer(), .lifetime = -60s};
  client.set_bearer_token_auth(sandbox_.mint(expired).c_str());
  EXPECT_EQ(client.Get("/api/events/", headers)->status, 403);
  client.set_bearer_token_auth(sandbox_.mint({.subject = "Marie", .issuer = sandbox_.issuer()}).c_str());
  EXPECT_EQ(client.Get("/api/events/", headers)->status, 200);
  EXPECT_EQ(json_of(client.Get("/api/user-info/", headers))["username"], "marie");
}

TEST_F(Access, TellsAnonymousUsersThatTheyAre) {
  httplib::Client client("127.0.0.1", port());
  EXPECT_EQ(json_of(client.Get("/api/user-info/", {{"User-Agent", "test"}}))["username"], "AnonymousUser");
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

TEST_F(Faults, AnswerWithAStatusAndDoNothing) {
  set_faults({"503+retry-after=2@reserve*1"});
  const auto result =
      client_.Post("/api/events/reserve/", httplib::Params{{"group", "CBC"}, {"pipeline", "gstlal"}});
  EXPECT_EQ(result->status, 503);
  EXPECT_EQ(result->get_header_value("Retry-After"), "2");
  EXPECT_THAT(own_events(), IsEmpty());
  EXPECT_EQ(reserve(), "G0001");
}

TEST_F(Faults, HangUpWithoutAnAnswerOrAnEffect) {
  const std::string graceid = reserve();
  set_faults({"hang-up@upload*1"});
  EXPECT_FALSE(upload(graceid, samples::coinc));
  EXPECT_EQ(own_events().at(0)["state"], "reserved");
}

TEST_F(Faults, DropTheAnswerAfterTheWork) {
  const std::string graceid = reserve();
  set_faults({"drop-answer@upload*1"});
  EXPECT_FALSE(upload(graceid, samples::coinc));
  EXPECT_EQ(own_events().at(0)["state"], "complete");
  const auto again = upload(graceid, samples::coinc);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(own_alerts().size(), 1U);
}

TEST_F(Faults, HangUntilTheClientGivesUp) {
  const std::string graceid = reserve();
  set_faults({"hang@upload*1"});
  client_.set_read_timeout(0, 200000);
  EXPECT_FALSE(upload(graceid, samples::coinc));
  client_.set_read_timeout(10, 0);
  EXPECT_EQ(own_events().at(0)["state"], "reserved");
}

TEST_F(Faults, SlowAnAnswerDown) {
  set_faults({"slow=150ms@create*1"});
  const auto begin = std::chrono::steady_clock::now();
  create();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 150ms);
}

TEST_F(Faults, SpareTheSandboxsOwnAddresses) {
  set_faults({"503"});
  EXPECT_EQ(client_.Get("/api/")->status, 503);
  EXPECT_EQ(client_.Get("/sandbox/health")->status, 200);
  EXPECT_EQ(json_of(client_.Get("/sandbox/faults"))["faults"], json({"503"}));
}

TEST_F(Faults, AreRefusedWhenMalformed) {
  const auto result = client_.Post("/sandbox/faults", R"(["explode"])", "application/json");
  EXPECT_EQ(result->status, 400);
  EXPECT_THAT(json_of(result)["error"].get<std::string>(), HasSubstr("explode"));
  EXPECT_EQ(client_.Post("/sandbox/faults", "{", "application/json")->status, 400);
  EXPECT_EQ(client_.Post("/sandbox/faults", "[1]", "application/json")->status, 400);
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
  options.server.port = std::stoi(url.substr(url.rfind(':') + 1));
  EXPECT_THROW(Sandbox{std::move(options)}, std::runtime_error);
}

struct ConsumerCloser {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};

TEST(EmbeddedBroker, CarriesTheAlert) {
  SandboxOptions options;
  options.authenticate = false;
  options.embedded_broker = true;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  httplib::Client client("127.0.0.1", std::stoi(url.substr(url.rfind(':') + 1)));
  const auto created = client.Post("/api/events/", {{"User-Agent", "test"}},
                                   event_form(samples::coinc, {{"group", "CBC"}, {"pipeline", "gstlal"}}));
  ASSERT_EQ(created->status, 201);

  auto config =
      make_kafka_config({{"bootstrap.servers", sandbox.bootstrap_servers().value()}, {"group.id", "test"}});
  const std::unique_ptr<rd_kafka_t, ConsumerCloser> consumer(
      rd_kafka_new(RD_KAFKA_CONSUMER, config.release(), nullptr, 0));
  rd_kafka_poll_set_consumer(consumer.get());
  auto* const partitions = rd_kafka_topic_partition_list_new(4);
  for (int partition = 0; partition < 4; ++partition) {
    rd_kafka_topic_partition_list_add(partitions, "localhost.cbc_gstlal", partition)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer.get(), partitions);
  rd_kafka_topic_partition_list_destroy(partitions);
  json alert;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (alert.is_null() && std::chrono::steady_clock::now() < deadline) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer.get(), 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      alert = json::parse(std::string(static_cast<const char*>(message->payload), message->len));
    }
    rd_kafka_message_destroy(message);
  }
  ASSERT_FALSE(alert.is_null());
  EXPECT_EQ(alert["uid"], json_of(created)["graceid"]);
}

}  // namespace
}  // namespace gracedb::sandbox
