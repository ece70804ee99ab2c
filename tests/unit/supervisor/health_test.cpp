#include "supervisor/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gracedb::supervisor {
namespace {

using ::testing::HasSubstr;

void make_well(Health& health) {
  health.set(Check::partitions, true, "reading 3");
  health.set(Check::gracedb, true, "answers");
  health.set(Check::token, true, "accepted");
}

TEST(Health, IsNotReadyBeforeTheGroupAndGraceDbHaveAnswered) {
  Health health;
  EXPECT_FALSE(health.is_ready());
  make_well(health);
  EXPECT_TRUE(health.is_ready());
}

TEST(Health, TurnsRedByAnyCheckAndGreenAgain) {
  Health health;
  make_well(health);
  for (const CheckState& state : health.checks()) {
    health.set(state.check, false, "broken");
    EXPECT_FALSE(health.is_ready()) << name_of(state.check);
    health.set(state.check, true, "mended");
    EXPECT_TRUE(health.is_ready()) << name_of(state.check);
  }
}

TEST(Health, RemembersSinceWhenAndNotHowOftenItWasTold) {
  Health health;
  health.set(Check::gracedb, false, "503");
  const auto since = health.checks()[2].since;
  health.set(Check::gracedb, false, "504");
  EXPECT_EQ(health.checks()[2].check, Check::gracedb);
  EXPECT_EQ(health.checks()[2].since, since);
  EXPECT_EQ(health.checks()[2].reason, "504");
}

TEST(ReadinessText, NamesWhatIsWrongInOneLine) {
  Health health;
  make_well(health);
  EXPECT_EQ(readiness_text(health.checks(), false), "ready\n");
  health.set(Check::gracedb, false, "503 Service Unavailable");
  EXPECT_EQ(readiness_text(health.checks(), false), "not ready: gracedb: 503 Service Unavailable\n");
}

TEST(ReadinessText, HasALineForEachCheckWhereAsked) {
  Health health;
  make_well(health);
  health.set(Check::token, false, "403 Forbidden");
  const std::string text = readiness_text(health.checks(), true);
  EXPECT_THAT(text, HasSubstr("[+] partitions: reading 3\n"));
  EXPECT_THAT(text, HasSubstr("[-] token: 403 Forbidden\n"));
  EXPECT_THAT(text, ::testing::EndsWith("not ready\n"));
}

}  // namespace
}  // namespace gracedb::supervisor
