#include "gracedb/kafka/upload_message.hpp"

#include "unit/sandbox/sandbox_fixture.hpp"

namespace gracedb::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using ApiRoot = SandboxTest;
using Reservation = SandboxTest;
using Upload = SandboxTest;
using Creation = SandboxTest;
using EventList = SandboxTest;

TEST_F(ApiRoot, ListsLinksTemplatesAndNames) {
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

TEST_F(ApiRoot, UsesTheRequestedVersionInUrls) {
  const json root = json_of(client_.Get("/api/v1/"));
  EXPECT_THAT(root["links"]["self"].get<std::string>(), testing::EndsWith("/api/v1/"));
  EXPECT_EQ(client_.Get("/api/v3/")->status, 404);
}

TEST_F(ApiRoot, NeedsNoToken) {
  httplib::Client anonymous("127.0.0.1", port());
  EXPECT_EQ(anonymous.Get("/api/v2/", {{"User-Agent", "test"}})->status, 200);
}

TEST_F(Reservation, AnswersAGraceid) {
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

TEST_F(Reservation, ReportsAllErrorsTogether) {
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

TEST_F(Upload, Answers200ForRepeatedContent) {
  const std::string graceid = reserve();
  EXPECT_EQ(upload(graceid, samples::coinc)->status, 201);
  const auto again = upload(graceid, samples::coinc);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(json_of(again)["already_complete"], true);
  EXPECT_EQ(json_of(again)["graceid"], graceid);
  EXPECT_EQ(own_alerts().size(), 1U);
}

TEST_F(Upload, Answers409ForOtherContent) {
  const std::string graceid = reserve();
  upload(graceid, samples::coinc);
  EXPECT_EQ(upload(graceid, samples::coinc_with_integer_ids)->status, 409);
}

TEST_F(Upload, Answers409ForContentThatWasNotAnnounced) {
  const std::string graceid =
      reserve({{"group", "CBC"}, {"pipeline", "gstlal"}, {"content_id", kafka::content_id(samples::coinc)}});
  EXPECT_EQ(upload(graceid, samples::cwb)->status, 409);
  EXPECT_EQ(upload(graceid, samples::coinc)->status, 201);
}

TEST_F(Upload, Answers404ForAnUnknownGraceid) { EXPECT_EQ(upload("G0042", samples::coinc)->status, 404); }

TEST_F(Upload, RejectsAMissingFileAndUnknownLabels) {
  const std::string graceid = reserve();
  const auto result = client_.Post("/api/events/" + graceid + "/upload/",
                                   httplib::MultipartFormDataItems{{"labels", "NONSENSE", "", ""}});
  EXPECT_EQ(result->status, 400);
  EXPECT_THAT(json_of(result)["errors"].get<std::vector<std::string>>(),
              ElementsAre(StartsWith("eventFile:"), HasSubstr("NONSENSE")));
}

TEST_F(Upload, PublishesTheAlert) {
  const std::string graceid = reserve();
  EXPECT_THAT(own_alerts(), IsEmpty()) << "a reservation is not an event";
  upload(graceid, samples::coinc);
  const json alert = own_alerts().at(0);
  EXPECT_EQ(alert["topic"], "localhost.cbc_gstlal");
  EXPECT_EQ(alert["payload"]["uid"], graceid);
  EXPECT_EQ(alert["payload"]["alert_type"], "new");
  EXPECT_EQ(alert["payload"]["object"]["graceid"], graceid);
  EXPECT_EQ(alert["payload"]["data"], alert["payload"]["object"]);
}

TEST_F(Upload, StoresAnUnreadableFileWithoutAnAlert) {
  const std::string graceid = reserve();
  const auto result = upload(graceid, "no xml");
  EXPECT_EQ(result->status, 201);
  EXPECT_THAT(json_of(result)["warnings"].at(0).get<std::string>(),
              StartsWith("Problem scanning data. No alert issued ("));
  EXPECT_TRUE(json_of(result)["gpstime"].is_null());
  EXPECT_THAT(own_alerts(), IsEmpty());
}

TEST_F(Creation, CreatesACompleteEvent) {
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

TEST_F(Creation, RejectsMissingGroupPipelineAndFile) {
  const auto result = client_.Post("/api/events/", httplib::Params{{"search", "AllSky"}});
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(json_of(result)["errors"].size(), 3U);
}

TEST_F(Creation, AllowsReplacingTheFile) {
  const std::string graceid = create();
  const auto result = client_.Put("/api/events/" + graceid, event_form(samples::coinc_with_integer_ids));
  EXPECT_EQ(result->status, 202);
  EXPECT_EQ(json_of(client_.Get("/api/events/" + graceid))["gpstime"], 971609248);
  EXPECT_EQ(client_.Get("/api/events/" + graceid + "/files/coinc.xml,0")->body, samples::coinc);
  EXPECT_EQ(own_alerts().at(1)["payload"]["alert_type"], "update");
}

TEST_F(EventList, LinksThePages) {
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

TEST_F(EventList, LinksFirstAndLastPage) {
  for (int i = 0; i < 5; ++i)
    create();
  const json links = json_of(client_.Get("/api/events/?start=2&count=2"))["links"];
  EXPECT_THAT(links["first"].get<std::string>(), HasSubstr("start=0&"));
  EXPECT_THAT(links["previous"].get<std::string>(), HasSubstr("start=0&"));
  EXPECT_THAT(links["self"].get<std::string>(), HasSubstr("start=2&"));
  EXPECT_THAT(links["next"].get<std::string>(), HasSubstr("start=4&"));
  EXPECT_THAT(links["last"].get<std::string>(), HasSubstr("start=4&"));
}

TEST_F(EventList, RejectsAMalformedQuery) {
  const auto result = client_.Get("/api/events/?query=color%3A%20red");
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(json_of(result)["error"], "Invalid query");
  EXPECT_EQ(client_.Get("/api/events/?count=many")->status, 400);
  EXPECT_EQ(client_.Get("/api/events/?start=-1")->status, 400);
}

using Files = SandboxTest;
using Labels = SandboxTest;
using Log = SandboxTest;

TEST_F(Files, ListsAllVersions) {
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
  EXPECT_THAT(list["files"].at(3)["file"].get<std::string>(),
              testing::EndsWith(event.substr(4) + "/files/plot.png,0"));
  EXPECT_EQ(client_.Get(event + "/files/plot.png,0")->body, "one");
  EXPECT_EQ(client_.Get(event + "/files/plot.png")->body, "two");
  const auto missing = client_.Get(event + "/files/plot.png,7");
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "File plot.png,7 not found");
}

TEST_F(Files, AnswersAMapInVersion1) {
  const std::string graceid = create();
  const json files = json_of(client_.Get("/api/v1/events/" + graceid + "/files/"));
  EXPECT_THAT(files["coinc.xml"].get<std::string>(),
              testing::EndsWith("/api/v1/events/" + graceid + "/files/coinc.xml"));
}

TEST_F(Labels, AddsAndRemovesALabelOnce) {
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

TEST_F(Labels, RejectsUnknownAndProtectedLabels) {
  const std::string labels = "/api/events/" + create() + "/labels/";
  EXPECT_EQ(client_.Put(labels + "NONSENSE")->status, 400);
  EXPECT_EQ(client_.Put(labels + "H1OK")->status, 400);
}

TEST_F(Labels, AnswersAStringInVersion1) {
  EXPECT_EQ(json_of(client_.Put("/api/v1/events/" + create() + "/labels/INJ")), json("{}"));
}

TEST_F(Log, StoresCommentTagsAndLabel) {
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

TEST_F(Log, AcceptsALongComment) {
  const std::string comment(100000, 'x');
  const auto written =
      client_.Post("/api/events/" + create() + "/log/", httplib::Params{{"comment", comment}});
  EXPECT_EQ(written->status, 201);
  EXPECT_EQ(json_of(written)["comment"], comment);
}

TEST_F(Log, AddsAndRemovesATagOnce) {
  const std::string tag = "/api/events/" + create() + "/log/1/tag/em";
  EXPECT_EQ(client_.Put(tag)->status, 201);
  const auto again = client_.Put(tag);
  EXPECT_EQ(again->status, 409);
  EXPECT_EQ(again->body, "Log already has tag em");
  EXPECT_EQ(client_.Delete(tag)->status, 204);
  EXPECT_EQ(client_.Delete(tag)->status, 404);
}

}  // namespace
}  // namespace gracedb::sandbox
