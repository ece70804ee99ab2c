#include "sandbox/faults.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::sandbox {
namespace {

using std::chrono::milliseconds;

std::string reason_of(const char* spec) {
  try {
    parse_fault(spec, {});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

TEST(FaultSpec, IsAStatusWithAProbability) {
  const Fault fault = parse_fault("503:0.1", {});
  EXPECT_EQ(fault.kind, Fault::Kind::status);
  EXPECT_EQ(fault.status, 503);
  EXPECT_EQ(fault.probability, 0.1);
  EXPECT_FALSE(fault.retry_after);
  EXPECT_FALSE(fault.on);
  EXPECT_FALSE(fault.times_left);
}

TEST(FaultSpec, MayAskToComeAgain) {
  const Fault fault = parse_fault("429+retry-after=2:0.5", {});
  EXPECT_EQ(fault.status, 429);
  EXPECT_EQ(fault.retry_after, 2);
}

TEST(FaultSpec, NamesTheOtherKinds) {
  EXPECT_EQ(parse_fault("slow=250ms:0.2", {}).delay, milliseconds(250));
  EXPECT_EQ(parse_fault("hang-up:0.1", {}).kind, Fault::Kind::hang_up);
  EXPECT_EQ(parse_fault("hang:0.1", {}).kind, Fault::Kind::hang);
  EXPECT_EQ(parse_fault("drop-answer", {}).kind, Fault::Kind::drop_answer);
  EXPECT_EQ(parse_fault("drop-answer", {}).probability, 1);
}

TEST(FaultSpec, MayNameItsTargetAndACount) {
  const Fault fault = parse_fault("drop-answer:1@upload*2", Operation::reserve);
  EXPECT_EQ(fault.on, Operation::upload);
  EXPECT_EQ(fault.times_left, 2);
  EXPECT_EQ(parse_fault("hang", Operation::reserve).on, Operation::reserve);
  EXPECT_FALSE(parse_fault("hang@all", Operation::reserve).on);
}

TEST(FaultSpec, ThatIsWrongSaysWhereAndWhy) {
  EXPECT_THAT(reason_of("503:1.5"),
              testing::AllOf(testing::HasSubstr("503:1.5"), testing::HasSubstr("between 0 and 1")));
  EXPECT_THAT(reason_of("200:0.1"), testing::HasSubstr("between 400 and 599"));
  EXPECT_THAT(reason_of("503+later:0.1"), testing::HasSubstr("retry-after"));
  EXPECT_THAT(reason_of("slow=fast:0.1"), testing::HasSubstr("duration"));
  EXPECT_THAT(reason_of("explode"), testing::HasSubstr("hang-up"));
  EXPECT_THAT(reason_of("hang@nowhere"), testing::HasSubstr("nowhere"));
  EXPECT_THAT(reason_of("hang:x"), testing::HasSubstr("'x'"));
  EXPECT_THAT(reason_of(""), testing::HasSubstr("fault ''"));
}

TEST(FaultPlan, StrikesOnlyItsTarget) {
  FaultPlan plan({parse_fault("503@upload", {})}, 0);
  EXPECT_FALSE(plan.draw(Operation::reserve).fault);
  EXPECT_TRUE(plan.draw(Operation::upload).fault);
}

TEST(FaultPlan, StrikesAsOftenAsAskedFor) {
  FaultPlan plan({parse_fault("503*2", {})}, 0);
  EXPECT_TRUE(plan.draw(Operation::other).fault);
  EXPECT_TRUE(plan.draw(Operation::other).fault);
  EXPECT_FALSE(plan.draw(Operation::other).fault);
}

TEST(FaultPlan, AddsADelayToAnotherFault) {
  FaultPlan plan({parse_fault("slow=10ms", {}), parse_fault("500", {}), parse_fault("502", {}),
                  parse_fault("slow=5ms", {})},
                 0);
  const auto strike = plan.draw(Operation::other);
  EXPECT_EQ(strike.delay, milliseconds(15));
  EXPECT_EQ(strike.fault.value().status, 500) << "the first of the list";
}

TEST(FaultPlan, RepeatsItselfWithTheSameSeed) {
  const auto strikes_of = [](std::uint64_t seed) {
    FaultPlan plan({parse_fault("503:0.3", {})}, seed);
    std::string strikes;
    for (int i = 0; i < 200; ++i)
      strikes += plan.draw(Operation::other).fault ? 'x' : '.';
    return strikes;
  };
  EXPECT_EQ(strikes_of(7), strikes_of(7));
  EXPECT_NE(strikes_of(7), strikes_of(8));
  const std::string strikes = strikes_of(7);
  EXPECT_NEAR(static_cast<double>(std::count(strikes.begin(), strikes.end(), 'x')), 60, 25);
}

TEST(FaultPlan, CanBeReplaced) {
  FaultPlan plan({parse_fault("503", {})}, 0);
  plan.replace({parse_fault("hang:0", {})});
  EXPECT_FALSE(plan.draw(Operation::other).fault);
  EXPECT_EQ(plan.specs(), std::vector<std::string>{"hang:0"});
}

TEST(FaultPlan, ShowsThoseThatMayStillHappen) {
  FaultPlan plan({parse_fault("503*1", {}), parse_fault("hang@upload", {})}, 0);
  EXPECT_EQ(plan.specs(), (std::vector<std::string>{"503*1", "hang@upload"}));
  EXPECT_TRUE(plan.draw(Operation::other).fault);
  EXPECT_EQ(plan.specs(), std::vector<std::string>{"hang@upload"});
}

}  // namespace
}  // namespace gracedb::sandbox
