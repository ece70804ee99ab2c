#include "sandbox/faults.hpp"

#include "unit/sandbox/sandbox_fixture.hpp"

#include <algorithm>

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;

std::string reason_of(const char* spec) {
  try {
    parse_fault(spec, {});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

TEST(FaultSpec, ParsesStatusAndProbability) {
  const Fault fault = parse_fault("503:0.1", {});
  EXPECT_EQ(fault.kind, Fault::Kind::status);
  EXPECT_EQ(fault.status, 503);
  EXPECT_EQ(fault.probability, 0.1);
  EXPECT_FALSE(fault.retry_after);
  EXPECT_FALSE(fault.target);
  EXPECT_FALSE(fault.times_left);
}

TEST(FaultSpec, ParsesRetryAfter) {
  const Fault fault = parse_fault("429+retry-after=2:0.5", {});
  EXPECT_EQ(fault.status, 429);
  EXPECT_EQ(fault.retry_after, 2);
}

TEST(FaultSpec, ParsesTheOtherKinds) {
  EXPECT_EQ(parse_fault("slow=250ms:0.2", {}).delay, milliseconds(250));
  EXPECT_EQ(parse_fault("hang-up:0.1", {}).kind, Fault::Kind::hang_up);
  EXPECT_EQ(parse_fault("hang:0.1", {}).kind, Fault::Kind::hang);
  EXPECT_EQ(parse_fault("drop-answer", {}).kind, Fault::Kind::drop_answer);
  EXPECT_EQ(parse_fault("drop-answer", {}).probability, 1);
}

TEST(FaultSpec, ParsesTargetAndCount) {
  const Fault fault = parse_fault("drop-answer:1@upload*2", Operation::reserve);
  EXPECT_EQ(fault.target, Operation::upload);
  EXPECT_EQ(fault.times_left, 2);
  EXPECT_EQ(parse_fault("hang", Operation::reserve).target, Operation::reserve);
  EXPECT_FALSE(parse_fault("hang@all", Operation::reserve).target);
}

TEST(FaultSpec, ReportsWhatIsWrongInASpec) {
  EXPECT_THAT(reason_of("503:1.5"), testing::AllOf(HasSubstr("503:1.5"), HasSubstr("between 0 and 1")));
  EXPECT_THAT(reason_of("200:0.1"), HasSubstr("between 400 and 599"));
  EXPECT_THAT(reason_of("503+later:0.1"), HasSubstr("retry-after"));
  EXPECT_THAT(reason_of("slow=fast:0.1"), HasSubstr("duration"));
  EXPECT_THAT(reason_of("explode"), HasSubstr("hang-up"));
  EXPECT_THAT(reason_of("hang@nowhere"), HasSubstr("nowhere"));
  EXPECT_THAT(reason_of("hang:x"), HasSubstr("'x'"));
  EXPECT_THAT(reason_of(""), HasSubstr("fault ''"));
}

TEST(FaultPlan, AffectsOnlyTheTarget) {
  FaultPlan plan({parse_fault("503@upload", {})}, 0);
  EXPECT_FALSE(plan.draw(Operation::reserve).fault);
  EXPECT_TRUE(plan.draw(Operation::upload).fault);
}

TEST(FaultPlan, StopsAfterTheCount) {
  FaultPlan plan({parse_fault("503*2", {})}, 0);
  EXPECT_TRUE(plan.draw(Operation::other).fault);
  EXPECT_TRUE(plan.draw(Operation::other).fault);
  EXPECT_FALSE(plan.draw(Operation::other).fault);
}

TEST(FaultPlan, AddsDelaysToTheFirstOtherFault) {
  FaultPlan plan({parse_fault("slow=10ms", {}), parse_fault("500", {}), parse_fault("502", {}),
                  parse_fault("slow=5ms", {})},
                 0);
  const auto drawn = plan.draw(Operation::other);
  EXPECT_EQ(drawn.delay, milliseconds(15));
  EXPECT_EQ(drawn.fault.value().status, 500) << "the first of the list";
}

TEST(FaultPlan, IsReproducibleWithTheSameSeed) {
  const auto faults_of = [](std::uint64_t seed) {
    FaultPlan plan({parse_fault("503:0.3", {})}, seed);
    std::string faults;
    for (int i = 0; i < 200; ++i)
      faults += plan.draw(Operation::other).fault ? 'x' : '.';
    return faults;
  };
  EXPECT_EQ(faults_of(7), faults_of(7));
  EXPECT_NE(faults_of(7), faults_of(8));
  const std::string faults = faults_of(7);
  EXPECT_NEAR(static_cast<double>(std::count(faults.begin(), faults.end(), 'x')), 60, 25);
}

TEST(FaultPlan, ReplacesItsFaults) {
  FaultPlan plan({parse_fault("503", {})}, 0);
  plan.replace({parse_fault("hang:0", {})});
  EXPECT_FALSE(plan.draw(Operation::other).fault);
  EXPECT_EQ(plan.specs(), std::vector<std::string>{"hang:0"});
}

TEST(FaultPlan, ListsFaultsThatCanStillHappen) {
  FaultPlan plan({parse_fault("503*1", {}), parse_fault("hang@upload", {})}, 0);
  EXPECT_EQ(plan.specs(), (std::vector<std::string>{"503*1", "hang@upload"}));
  EXPECT_TRUE(plan.draw(Operation::other).fault);
  EXPECT_EQ(plan.specs(), std::vector<std::string>{"hang@upload"});
}

class FaultInjection : public SandboxTest {};

TEST_F(FaultInjection, AnswersWithAStatusAndHasNoEffect) {
  set_faults({"503+retry-after=2@reserve*1"});
  const auto result =
      client_.Post("/api/events/reserve/", httplib::Params{{"group", "CBC"}, {"pipeline", "gstlal"}});
  EXPECT_EQ(result->status, 503);
  EXPECT_EQ(result->get_header_value("Retry-After"), "2");
  EXPECT_THAT(own_events(), IsEmpty());
  EXPECT_EQ(reserve(), "G0001");
}

TEST_F(FaultInjection, HangUpClosesTheConnectionAndHasNoEffect) {
  const std::string graceid = reserve();
  set_faults({"hang-up@upload*1"});
  EXPECT_FALSE(upload(graceid, samples::coinc));
  EXPECT_EQ(own_events().at(0)["state"], "reserved");
}

TEST_F(FaultInjection, DropAnswerProcessesTheRequestAndClosesTheConnection) {
  const std::string graceid = reserve();
  set_faults({"drop-answer@upload*1"});
  EXPECT_FALSE(upload(graceid, samples::coinc));
  EXPECT_EQ(own_events().at(0)["state"], "complete");
  const auto again = upload(graceid, samples::coinc);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(own_alerts().size(), 1U);
}

TEST_F(FaultInjection, HangWaitsUntilTheClientGivesUp) {
  const std::string graceid = reserve();
  set_faults({"hang@upload*1"});
  client_.set_read_timeout(0, 200000);
  EXPECT_FALSE(upload(graceid, samples::coinc));
  client_.set_read_timeout(10, 0);
  EXPECT_EQ(own_events().at(0)["state"], "reserved");
}

TEST_F(FaultInjection, SlowDelaysTheAnswer) {
  set_faults({"slow=150ms@create*1"});
  const auto begin = std::chrono::steady_clock::now();
  create();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 150ms);
}

TEST_F(FaultInjection, DoesNotAffectTheSandboxRoutes) {
  set_faults({"503"});
  EXPECT_EQ(client_.Get("/api/")->status, 503);
  EXPECT_EQ(client_.Get("/sandbox/health")->status, 200);
  EXPECT_EQ(json_of(client_.Get("/sandbox/faults"))["faults"], json({"503"}));
}

TEST_F(FaultInjection, RejectsMalformedSpecs) {
  const auto result = client_.Post("/sandbox/faults", R"(["explode"])", "application/json");
  EXPECT_EQ(result->status, 400);
  EXPECT_THAT(json_of(result)["error"].get<std::string>(), HasSubstr("explode"));
  EXPECT_EQ(client_.Post("/sandbox/faults", "{", "application/json")->status, 400);
  EXPECT_EQ(client_.Post("/sandbox/faults", "[1]", "application/json")->status, 400);
}

}  // namespace
}  // namespace gracedb::sandbox
