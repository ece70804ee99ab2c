#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "support/fake_machine.hpp"
#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace gracedb::auth {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test_support::fake_token;
using test_support::FakeMachine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using TimePoint = std::chrono::system_clock::time_point;

constexpr int number_of_places = 7;
constexpr int first_last_resort = 3;
constexpr TimePoint in_an_hour = FakeMachine::start + hours(1);

const TokenRequest request{.audiences = {"kafka.ligo.org"}, .scope = "kafka.produce"};

const std::string suited = fake_token("kafka.ligo.org", "kafka.produce", in_an_hour);
const std::string any_without_scope = fake_token("ANY", "gracedb.read", in_an_hour);
const std::string audience_without_scope = fake_token("https://kafka.ligo.org", "gracedb.read", in_an_hour);
const std::string unsuited = fake_token("elsewhere.org", "storage.read", in_an_hour);

/// The four classes of tokens, best first.
const std::array<std::string, 4> kinds{suited, any_without_scope, audience_without_scope, unsuited};

class TokenDiscovery : public ::testing::Test {
 protected:
  /// Stores a token in a place; `place` is its index in search order.
  void put(int place, const std::string& text) {
    switch (place) {
      case 0:
        machine_.variables["SCITOKEN"] = text;
        break;
      case 1:
        machine_.variables["SCITOKEN_FILE"] = machine_.write("scitoken", text);
        break;
      case 2:
        machine_.variables["_CONDOR_CREDS"] = machine_.path("creds");
        machine_.write("creds/igwn.use", text);
        break;
      case 3:
        machine_.variables["BEARER_TOKEN"] = text;
        break;
      case 4:
        machine_.variables["BEARER_TOKEN_FILE"] = machine_.write("bearer", text);
        break;
      case 5:
        machine_.variables["XDG_RUNTIME_DIR"] = machine_.path("run");
        machine_.write("run/" + machine_.user_file(), text);
        break;
      default:
        machine_.write("tmp/" + machine_.user_file(), text);
    }
  }

  Discovery discover() { return discover_token(request, machine_.environment()); }

  std::string found() {
    const Discovery discovery = discover();
    return discovery.token ? discovery.token->serialized() : "";
  }

  /// The state of the first place whose name starts with this prefix.
  std::string state_of(std::string_view name) {
    for (const Place& place : discover().places) {
      if (place.name.starts_with(name)) return place.state;
    }
    return "no such place";
  }

  std::string state_of_bearer_token(const std::string& text) {
    put(3, text);
    return state_of("$BEARER_TOKEN");
  }

  FakeMachine machine_;
};

TEST_F(TokenDiscovery, FindsAMatchingTokenInEveryPlace) {
  for (int place = number_of_places - 1; place >= 0; --place) {
    const std::string token = fake_token("kafka.ligo.org", "kafka.produce", in_an_hour + seconds(place));
    put(place, token + "\n");
    EXPECT_EQ(found(), token) << "place " << place;
  }
}

TEST_F(TokenDiscovery, PrefersTheEarlierPlaceWithinAClass) {
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const int first = kind == 3 ? first_last_resort : 0;
    for (int place = number_of_places - 1; place >= first; --place) {
      put(place, kinds[kind]);
    }
    for (int place = first; place < number_of_places - 1; ++place) {
      EXPECT_EQ(discover().places[static_cast<std::size_t>(place)].state, "used") << "kind " << kind;
      put(place, "no token any more");
    }
  }
}

TEST_F(TokenDiscovery, PrefersABetterMatchInTheLastPlace) {
  for (std::size_t better = 0; better < kinds.size(); ++better) {
    for (std::size_t worse = better + 1; worse < kinds.size(); ++worse) {
      for (int place = 0; place < number_of_places - 1; ++place) {
        put(place, kinds[worse]);
      }
      put(number_of_places - 1, kinds[better]);
      EXPECT_EQ(found(), kinds[better]) << better << " over " << worse;
    }
  }
}

TEST_F(TokenDiscovery, PrefersAudienceMatchOverEarlierPlace) {
  put(3, fake_token("elsewhere.org", "kafka.produce", in_an_hour));
  put(6, audience_without_scope);
  EXPECT_EQ(found(), audience_without_scope);
}

TEST_F(TokenDiscovery, AcceptsAnUnsuitedTokenOnlyFromTheLastFourPlaces) {
  for (int place = 0; place < number_of_places; ++place) {
    put(place, unsuited);
    EXPECT_EQ(found().empty(), place < first_last_resort) << "place " << place;
  }
}

TEST_F(TokenDiscovery, AcceptsEveryFormOfTheAudience) {
  for (const char* audience : {"kafka.ligo.org", "https://kafka.ligo.org", "https://kafka.ligo.org/", "ANY",
                               "https://wlcg.cern.ch/jwt/v1/any"}) {
    put(0, fake_token(audience, "kafka.produce:/gstlal", in_an_hour));
    EXPECT_EQ(state_of("$SCITOKEN"), "used") << audience;
  }
}

TEST_F(TokenDiscovery, AcceptsAnyRequestedAudience) {
  put(0, fake_token("two.ligo.org", "x", in_an_hour));
  const TokenRequest of_two{.audiences = {"one.ligo.org", "two.ligo.org"}, .scope = "x"};
  EXPECT_TRUE(discover_token(of_two, machine_.environment()).token);
}

TEST_F(TokenDiscovery, AcceptsAnyTokenWithoutRequirements) {
  put(0, unsuited);
  EXPECT_EQ(discover_token({}, machine_.environment()).places[0].state, "used");
}

TEST_F(TokenDiscovery, NamesEveryPlaceInSearchOrder) {
  std::vector<std::string> lines;
  for (const Place& place : discover().places) {
    lines.push_back(place.name + ": " + place.state);
  }
  const std::string file = machine_.user_file();
  EXPECT_THAT(lines, ElementsAre("$SCITOKEN: not set", "$SCITOKEN_FILE: not set",
                                 "$_CONDOR_CREDS/*.use: _CONDOR_CREDS not set", "$BEARER_TOKEN: not set",
                                 "$BEARER_TOKEN_FILE: not set",
                                 "$XDG_RUNTIME_DIR/" + file + ": XDG_RUNTIME_DIR not set",
                                 machine_.path("tmp").native() + "/" + file + ": No such file or directory"));
}

TEST_F(TokenDiscovery, NamesTheFilesItReads) {
  put(1, "x");
  put(2, "x");
  put(4, "x");
  put(5, suited);
  const Discovery discovery = discover();
  EXPECT_EQ(discovery.places[1].name, "$SCITOKEN_FILE (" + machine_.path("scitoken").native() + ")");
  EXPECT_EQ(discovery.places[2].name,
            "$_CONDOR_CREDS/igwn.use (" + machine_.path("creds/igwn.use").native() + ")");
  EXPECT_EQ(discovery.places[4].name, "$BEARER_TOKEN_FILE (" + machine_.path("bearer").native() + ")");
  const std::string file = machine_.user_file();
  EXPECT_EQ(discovery.places[5].name,
            "$XDG_RUNTIME_DIR/" + file + " (" + machine_.path("run").native() + "/" + file + ")");
  EXPECT_EQ(discovery.source, discovery.places[5].name);
}

TEST_F(TokenDiscovery, ReadsCondorFilesInNameOrder) {
  put(2, suited);
  const std::string first = fake_token("kafka.ligo.org", "kafka.produce", in_an_hour + seconds(1));
  machine_.write("creds/cvmfs.use", nlohmann::json{{"access_token", first}}.dump());
  machine_.write("creds/aaa.top", suited);
  EXPECT_EQ(found(), first);
  EXPECT_EQ(state_of("$_CONDOR_CREDS/igwn.use"), "usable, not needed");
  EXPECT_EQ(state_of("$_CONDOR_CREDS/aaa.top"), "no such place");
}

TEST_F(TokenDiscovery, ReportsAnUnusableCondorDirectory) {
  machine_.variables["_CONDOR_CREDS"] = machine_.path("creds");
  EXPECT_EQ(state_of("$_CONDOR_CREDS/*.use (/"), "no such file");
  machine_.variables["_CONDOR_CREDS"] = machine_.path("absent");
  EXPECT_EQ(state_of("$_CONDOR_CREDS/*.use (/"), "No such file or directory");
  machine_.variables["_CONDOR_CREDS"] = machine_.write("file", "");
  EXPECT_EQ(state_of("$_CONDOR_CREDS/*.use (/"), "Not a directory");
}

TEST_F(TokenDiscovery, SkipsAnUnreadableFile) {
  put(3, "\n");
  machine_.variables["SCITOKEN_FILE"] = "";
  machine_.variables["BEARER_TOKEN_FILE"] = machine_.path("run");
  put(2, std::string((1 << 20) + 1, 'x'));
  put(6, suited);
  EXPECT_EQ(state_of("$SCITOKEN_FILE"), "empty");
  EXPECT_EQ(state_of("$_CONDOR_CREDS"), "larger than 1 MiB");
  EXPECT_EQ(state_of("$BEARER_TOKEN"), "empty");
  EXPECT_EQ(state_of("$BEARER_TOKEN_FILE"), "not a regular file");
  EXPECT_EQ(found(), suited);
}

TEST_F(TokenDiscovery, DoesNotBlockOnAFifo) {
  const auto fifo = machine_.path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  machine_.variables["BEARER_TOKEN_FILE"] = fifo;
  EXPECT_EQ(state_of("$BEARER_TOKEN_FILE"), "not a regular file");
}

TEST_F(TokenDiscovery, ReportsWhyATokenIsUnusable) {
  EXPECT_EQ(state_of_bearer_token("scitoken"), "not a JWT: 1 part instead of 3");
  EXPECT_EQ(state_of_bearer_token(fake_token({{"exp", "tomorrow"}})),
            "not a JWT: claim 'exp' is not a number");
  EXPECT_EQ(state_of_bearer_token(fake_token("ANY", "x", FakeMachine::start)),
            "expired at 2026-11-22 03:04:05 UTC");
  EXPECT_EQ(
      state_of_bearer_token(fake_token({{"nbf", test_support::to_claim(FakeMachine::start + seconds(61))}})),
      "not valid before 2026-11-22 03:05:06 UTC");
}

TEST_F(TokenDiscovery, AllowsAMinuteOfClockSkew) {
  EXPECT_EQ(
      state_of_bearer_token(fake_token({{"nbf", test_support::to_claim(FakeMachine::start + seconds(60))}})),
      "used");
}

TEST_F(TokenDiscovery, UsesATokenUntilItsLastSecondIfThereIsNoBetterOne) {
  EXPECT_EQ(
      state_of_bearer_token(fake_token("kafka.ligo.org", "kafka.produce", FakeMachine::start + seconds(1))),
      "used");
}

TEST_F(TokenDiscovery, SkipsATokenWithLessThanTheRequestedLifetime) {
  put(0, fake_token("kafka.ligo.org", "kafka.produce", FakeMachine::start + seconds(59)));
  EXPECT_EQ(found(), "");
  EXPECT_EQ(state_of("$SCITOKEN"), "expires in 59 s");
  put(0, fake_token("kafka.ligo.org", "kafka.produce", FakeMachine::start + seconds(60)));
  EXPECT_EQ(state_of("$SCITOKEN"), "used");
}

TEST_F(TokenDiscovery, PrefersALongLivedTokenWithoutScopeToAnExpiringOne) {
  put(3, fake_token("kafka.ligo.org", "kafka.produce", FakeMachine::start + seconds(42)));
  put(6, audience_without_scope);
  EXPECT_EQ(found(), audience_without_scope);
  EXPECT_EQ(state_of("$BEARER_TOKEN"), "expires in 42 s");
}

TEST_F(TokenDiscovery, TreatsATokenWithoutExpiryAsUnexpired) {
  put(0, fake_token({{"aud", "ANY"}, {"scope", "kafka.produce"}}));
  EXPECT_EQ(state_of("$SCITOKEN"), "used");
}

TEST_F(TokenDiscovery, ReportsWhyATokenWasNotChosen) {
  put(0, suited);
  EXPECT_EQ(state_of_bearer_token(any_without_scope), "has no scope kafka.produce");
  EXPECT_EQ(state_of_bearer_token(fake_token({{"scope", "kafka.produce"}})), "has no audience");
  EXPECT_EQ(state_of_bearer_token(fake_token("elsewhere.org", "x", FakeMachine::start + seconds(42))),
            "audience is elsewhere.org, not kafka.ligo.org; has no scope kafka.produce; expires in 42 s");
  EXPECT_EQ(state_of_bearer_token(suited), "usable, not needed");
}

TEST_F(TokenDiscovery, RedactsATokenThatIsSetInsteadOfAPath) {
  machine_.variables["BEARER_TOKEN_FILE"] = suited;
  machine_.variables["_CONDOR_CREDS"] = suited;
  for (const Place& place : discover().places) {
    EXPECT_THAT(place.name + place.state, Not(HasSubstr("eyJ")));
  }
}

TEST_F(TokenDiscovery, LimitsAStateToOneLineOf300Bytes) {
  put(3, fake_token({{"aud", {"first\nsecond", std::string(100'000, 'x')}}}));
  put(0, suited);
  const std::string state = state_of("$BEARER_TOKEN");
  EXPECT_THAT(state, HasSubstr("audience is first second and xxx"));
  EXPECT_LT(state.size(), 600U);
}

TEST_F(TokenDiscovery, UsesTheProcessEnvironmentByDefault) {
  const Environment environment = Environment::of_process();
  EXPECT_EQ(environment.user, ::geteuid());
  EXPECT_EQ(environment.temporary_directory, "/tmp");
  EXPECT_EQ(environment.variable("NO_SUCH_VARIABLE_ANYWHERE"), std::nullopt);
  EXPECT_TRUE(environment.variable("PATH"));
  EXPECT_GT(environment.now(), TimePoint());
}

std::string failure_of(const TokenRequest& wanted, FakeMachine& machine) {
  try {
    require_token(wanted, machine.environment());
  } catch (const KafkaTokenError& error) {
    return error.what();
  }
  return "a token was found";
}

TEST(TokenFailure, ListsEveryPlaceAndTheRemedy) {
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

TEST(TokenFailure, OmitsRequirementsThatAreNotSet) {
  FakeMachine machine;
  EXPECT_THAT(failure_of({}, machine), HasSubstr("No usable token was found.\n"));
  EXPECT_THAT(failure_of({.scope = "gracedb.read"}, machine), HasSubstr("found with scope gracedb.read.\n"));
}

TEST(TokenFailure, RedactsTokensInEveryPlace) {
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

TEST(TokenFailure, IsNotThrownIfATokenIsFound) {
  FakeMachine machine;
  const std::string token = fake_token("ANY", "kafka.produce", FakeMachine::start + seconds(3600));
  machine.variables["BEARER_TOKEN"] = token;
  EXPECT_EQ(require_token({.scope = "kafka.produce"}, machine.environment()).serialized(), token);
}

TEST_F(TokenDiscovery, EscapesBytesThatAreNotUtf8) {
  machine_.variables["BEARER_TOKEN_FILE"] = "/no/such/f\xE9";
  const auto places = discover().places;
  EXPECT_TRUE(std::any_of(places.begin(), places.end(),
                          [](const Place& place) { return place.name.find("f\\xe9") != std::string::npos; }));
}

}  // namespace
}  // namespace gracedb::auth
