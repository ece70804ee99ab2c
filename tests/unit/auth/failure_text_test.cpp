#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "support/fake_machine.hpp"
#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::auth {
namespace {

using std::chrono::seconds;
using test_support::fake_token;
using test_support::FakeMachine;
using ::testing::HasSubstr;
using ::testing::Not;

std::string failure_of(const TokenRequest& request, FakeMachine& machine) {
  try {
    require_token(request, machine.environment());
  } catch (const KafkaTokenError& error) {
    return error.what();
  }
  return "a token was found";
}

TEST(TokenFailure, ListsEveryPlaceAndSaysWhatToDo) {
  FakeMachine machine;
  machine.variables["BEARER_TOKEN"] = fake_token("ANY", "kafka.produce", FakeMachine::start - seconds(3600));
  machine.variables["SCITOKEN"] =
      fake_token("elsewhere.org", "kafka.produce", FakeMachine::start + seconds(3600));
  const std::string file = machine.user_file();
  EXPECT_EQ(
      failure_of({.audiences = {"kafka1.ligo.org", "kafka2.ligo.org"}, .scope = "kafka.produce"}, machine),
      "No usable token was found for audience kafka1.ligo.org or kafka2.ligo.org with scope kafka.produce.\n"
      "  $SCITOKEN: audience is elsewhere.org, not kafka1.ligo.org or kafka2.ligo.org\n"
      "  $SCITOKEN_FILE: not set\n"
      "  $_CONDOR_CREDS/*.use: _CONDOR_CREDS not set\n"
      "  $BEARER_TOKEN: expired at 2026-11-22 02:04:05 UTC\n"
      "  $BEARER_TOKEN_FILE: not set\n"
      "  $XDG_RUNTIME_DIR/" +
          file +
          ": XDG_RUNTIME_DIR not set\n"
          "  " +
          machine.path("tmp").native() + "/" + file +
          ": No such file or directory\n"
          "Obtain a fresh token with: htgettoken -a vault.ligo.org -i igwn");
}

TEST(TokenFailure, LeavesOutWhatWasNotAskedFor) {
  FakeMachine machine;
  EXPECT_THAT(failure_of({}, machine), HasSubstr("No usable token was found.\n"));
  EXPECT_THAT(failure_of({.scope = "gracedb.read"}, machine), HasSubstr("found with scope gracedb.read.\n"));
}

TEST(TokenFailure, ShowsNoTokenWhereverOneWasPut) {
  FakeMachine machine;
  const std::string expired = fake_token("ANY", "kafka.produce", FakeMachine::start);
  for (const char* variable : {"SCITOKEN", "SCITOKEN_FILE", "_CONDOR_CREDS", "BEARER_TOKEN",
                               "BEARER_TOKEN_FILE", "XDG_RUNTIME_DIR"}) {
    machine.variables[variable] = expired;
  }
  machine.write("tmp/" + machine.user_file(), expired + expired);
  const std::string text = failure_of({.audiences = {expired}, .scope = expired}, machine);
  for (std::size_t begin = 0; begin + 24 < expired.size(); begin += 8) {
    EXPECT_THAT(text, Not(HasSubstr(expired.substr(begin, 24))));
  }
}

TEST(TokenFailure, GivesWayToATokenThatIsFound) {
  FakeMachine machine;
  const std::string token = fake_token("ANY", "kafka.produce", FakeMachine::start + seconds(3600));
  machine.variables["BEARER_TOKEN"] = token;
  EXPECT_EQ(require_token({.scope = "kafka.produce"}, machine.environment()).serialized(), token);
}

}  // namespace
}  // namespace gracedb::auth
