#include "unit/sandbox/sandbox_fixture.hpp"

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

using Faults = SandboxTest;

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

}  // namespace
}  // namespace gracedb::sandbox
