#include "unit/sandbox/sandbox_fixture.hpp"

namespace gracedb::sandbox {
namespace {

using testing::ElementsAre;

using Files = SandboxTest;
using Labels = SandboxTest;
using Log = SandboxTest;

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

}  // namespace
}  // namespace gracedb::sandbox
