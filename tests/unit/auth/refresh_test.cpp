#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "support/captured_log.hpp"
#include "support/fake_machine.hpp"
#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace gracedb::auth {
namespace {

using std::chrono::seconds;
using test_support::CapturedLog;
using test_support::fake_token;
using test_support::FakeMachine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using TimePoint = std::chrono::system_clock::time_point;

constexpr TimePoint start = FakeMachine::start;
constexpr seconds buffer{300};

std::string suited_until(TimePoint expires) { return fake_token("kafka.ligo.org", "kafka.produce", expires); }

class TokenRefresh : public ::testing::Test {
 protected:
  void put(const std::string& text) { machine_.write("tmp/" + machine_.user_file(), text); }
  void remove_token() { std::filesystem::remove(machine_.path("tmp/" + machine_.user_file())); }
  /// Advances the clock to `left` before `expires`.
  void pass_until_before(TimePoint expires, seconds left) {
    machine_.pass(std::chrono::duration_cast<seconds>(expires - left - machine_.now()));
  }

  const CapturedLog log_;
  FakeMachine machine_;
  const TokenRequest request_{.audiences = {"kafka.ligo.org"}, .scope = "kafka.produce"};
  SciTokenRefreshManager manager_{request_, buffer, machine_.environment()};

  const TimePoint first_end_ = start + seconds(3600);
  const TimePoint second_end_ = start + seconds(7200);
  const std::string first_ = suited_until(first_end_);
  const std::string second_ = suited_until(second_end_);
};

TEST_F(TokenRefresh, FindsATokenAtFirstUse) {
  put(first_);
  const OAuthToken token = manager_.get();
  EXPECT_EQ(token.token, first_);
  EXPECT_EQ(token.expires, first_end_);
  EXPECT_EQ(token.principal, "albert.einstein@ligo.org");
}

TEST_F(TokenRefresh, NamesTheIssuerAsPrincipalOfATokenWithoutSubject) {
  put(fake_token({{"aud", "ANY"}, {"iss", "https://cilogon.org/igwn"}}));
  EXPECT_EQ(manager_.get().principal, "https://cilogon.org/igwn");
}

TEST_F(TokenRefresh, FailsWithoutATokenAndRecoversWithOne) {
  EXPECT_THROW(manager_.get_token(), KafkaTokenError);
  put(first_);
  EXPECT_EQ(manager_.get_token(), first_);
}

TEST_F(TokenRefresh, DoesNotReadTheDiskWhileTheTokenIsFresh) {
  put(first_);
  manager_.get();
  put(second_);
  pass_until_before(first_end_, buffer + seconds(1));
  EXPECT_EQ(manager_.get_token(), first_);
  EXPECT_EQ(machine_.looks(), 1);
}

TEST_F(TokenRefresh, AcceptsANewerTokenWithinTheRefreshBuffer) {
  put(first_);
  manager_.get();
  put(second_);
  pass_until_before(first_end_, buffer);
  EXPECT_EQ(manager_.get_token(), second_);
}

TEST_F(TokenRefresh, RunsDiscoveryAtMostEveryFewSeconds) {
  put(first_);
  manager_.get();
  pass_until_before(first_end_, buffer);
  for (int second = 0; second < 10; ++second) {
    manager_.get();
    manager_.get();
    machine_.pass(seconds(1));
  }
  EXPECT_EQ(machine_.looks(), 1 + 2);
}

TEST_F(TokenRefresh, RunsDiscoveryMoreOftenNearExpiry) {
  put(first_);
  manager_.get();
  pass_until_before(first_end_, seconds(4));
  for (int second = 0; second < 4; ++second) {
    manager_.get();
    manager_.get();
    machine_.pass(seconds(1));
  }
  EXPECT_EQ(machine_.looks(), 1 + 4);
}

TEST_F(TokenRefresh, KeepsLastGoodTokenWhenDiskHoldsGarbage) {
  put(first_);
  manager_.get();
  put("\x7f"
      "ELF garbage");
  pass_until_before(first_end_, buffer);
  EXPECT_EQ(manager_.get_token(), first_);
  remove_token();
  pass_until_before(first_end_, seconds(1));
  EXPECT_EQ(manager_.get_token(), first_);
  machine_.pass(seconds(1));
  EXPECT_THROW(manager_.get_token(), KafkaTokenError);
  put(second_);
  EXPECT_EQ(manager_.get_token(), second_);
}

TEST_F(TokenRefresh, ReportsWhenTheDeletedTokenExpired) {
  put(first_);
  manager_.get();
  remove_token();
  pass_until_before(first_end_, seconds(0));
  try {
    manager_.get();
    FAIL() << "an expired token was given";
  } catch (const KafkaTokenError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the previous token: expired at 2026-11-22 04:04:05 UTC"));
    EXPECT_THAT(error.what(), HasSubstr("htgettoken"));
    EXPECT_THAT(error.what(), Not(HasSubstr("eyJ")));
  }
}

TEST_F(TokenRefresh, RejectsATokenThatExpiresSooner) {
  put(first_);
  manager_.get();
  pass_until_before(first_end_, buffer);
  put(suited_until(first_end_ - seconds(60)));
  EXPECT_EQ(manager_.get_token(), first_);
}

TEST_F(TokenRefresh, RejectsAWorseMatchWhileTheCurrentTokenIsValid) {
  put(first_);
  manager_.get();
  const std::string elsewhere = fake_token("elsewhere.org", "storage.read", second_end_);
  put(elsewhere);
  pass_until_before(first_end_, seconds(100));
  EXPECT_EQ(manager_.get_token(), first_);
  pass_until_before(first_end_, seconds(0));
  EXPECT_EQ(manager_.get_token(), elsewhere);
}

TEST_F(TokenRefresh, RefreshesTokensThatLiveShorterThanTheBuffer) {
  put(suited_until(start + seconds(120)));
  manager_.get();
  const std::string next = suited_until(start + seconds(200));
  put(next);
  machine_.pass(seconds(5));
  EXPECT_EQ(manager_.get_token(), next);
}

TEST_F(TokenRefresh, NeverRefreshesATokenWithoutExpiry) {
  put(fake_token({{"aud", "ANY"}, {"scope", "kafka.produce"}}));
  EXPECT_GT(manager_.get().expires, start + std::chrono::years(100));
  machine_.pass(std::chrono::years(50));
  manager_.get();
  EXPECT_EQ(machine_.looks(), 1);
}

TEST_F(TokenRefresh, ReloadAcceptsAnyOtherTokenWithEnoughLifetime) {
  put(first_);
  EXPECT_TRUE(manager_.reload());
  EXPECT_FALSE(manager_.reload());
  const std::string sooner = suited_until(start + seconds(600));
  put(sooner);
  EXPECT_TRUE(manager_.reload());
  EXPECT_EQ(manager_.get_token(), sooner);
}

TEST_F(TokenRefresh, ReloadRejectsATokenAboutToExpire) {
  put(first_);
  manager_.get();
  put(suited_until(start + seconds(30)));
  EXPECT_FALSE(manager_.reload());
  EXPECT_EQ(manager_.get_token(), first_);
}

TEST_F(TokenRefresh, ReloadKeepsAValidTokenAndFailsWithoutOne) {
  put(first_);
  manager_.get();
  put("garbage");
  EXPECT_FALSE(manager_.reload());
  EXPECT_EQ(manager_.get_token(), first_);
  pass_until_before(first_end_, seconds(0));
  EXPECT_THROW(manager_.reload(), KafkaTokenError);
}

TEST_F(TokenRefresh, IsDueImmediatelyWithoutAToken) {
  EXPECT_EQ(manager_.next_refresh(), start);
  EXPECT_THROW(manager_.get(), KafkaTokenError);
  EXPECT_EQ(manager_.next_refresh(), start + seconds(1));
}

TEST_F(TokenRefresh, IsDueTheBufferBeforeExpiryAndThenEveryFewSeconds) {
  put(first_);
  manager_.get();
  EXPECT_EQ(manager_.next_refresh(), first_end_ - buffer);
  pass_until_before(first_end_, buffer);
  manager_.get();
  EXPECT_EQ(manager_.next_refresh(), first_end_ - buffer + seconds(5));
  pass_until_before(first_end_, seconds(8));
  manager_.get();
  EXPECT_EQ(manager_.next_refresh(), first_end_ - seconds(6));
}

TEST_F(TokenRefresh, NextRefreshIsAlwaysAheadAfterARefresh) {
  put(first_);
  manager_.get();
  int rounds = 0;
  for (; machine_.now() < first_end_; ++rounds) {
    machine_.pass(std::chrono::ceil<seconds>(manager_.next_refresh() - machine_.now()));
    if (machine_.now() < first_end_) manager_.get();
  }
  EXPECT_LT(rounds, 100);
}

TEST_F(TokenRefresh, SharesStateWithCopiesAndCallbacks) {
  put(first_);
  const OAuthCallback callback = [&] {
    SciTokenRefreshManager copy = manager_;
    copy.get();
    return copy.create_callback();
  }();
  EXPECT_EQ(callback().token, first_);
  EXPECT_EQ(manager_.get_token(), first_);
  EXPECT_EQ(machine_.looks(), 1);
}

TEST_F(TokenRefresh, CallbackOutlivesTheManager) {
  put(first_);
  const OAuthCallback callback =
      SciTokenRefreshManager(request_, buffer, machine_.environment()).create_callback();
  EXPECT_EQ(callback().token, first_);
}

TEST_F(TokenRefresh, LogsARefreshWithoutTheToken) {
  put(first_);
  manager_.get();
  put(second_);
  pass_until_before(first_end_, buffer);
  manager_.get();
  const std::string place = machine_.path("tmp").native() + "/" + machine_.user_file();
  EXPECT_THAT(log_.messages(LogLevel::info),
              ElementsAre("token found in " + place + ", valid until 2026-11-22 04:04:05 UTC",
                          "newer token found in " + place + ", valid until 2026-11-22 05:04:05 UTC"));
  EXPECT_EQ(log_.lines()[0].logger, "gracedb.auth");
}

TEST_F(TokenRefresh, WarnsOnceIfDiscoveryFindsNoToken) {
  put(first_);
  manager_.get();
  remove_token();
  pass_until_before(first_end_, buffer);
  for (int i = 0; i < 5; ++i) {
    manager_.get();
    machine_.pass(seconds(10));
  }
  ASSERT_THAT(log_.messages(LogLevel::warning), SizeIs(1));
  EXPECT_THAT(log_.messages(LogLevel::warning)[0], HasSubstr("until it expires at 2026-11-22 04:04:05 UTC"));

  put(second_);
  manager_.get();
  remove_token();
  pass_until_before(second_end_, buffer);
  manager_.get();
  EXPECT_THAT(log_.messages(LogLevel::warning), SizeIs(2));
}

TEST_F(TokenRefresh, WarnsAboutAnUnchangedTokenAfterHalfTheBuffer) {
  put(first_);
  manager_.get();
  pass_until_before(first_end_, buffer / 2 + seconds(1));
  manager_.get();
  EXPECT_THAT(log_.messages(LogLevel::warning), IsEmpty());
  pass_until_before(first_end_, buffer / 2 - seconds(5));
  manager_.get();
  EXPECT_THAT(log_.messages(LogLevel::warning), SizeIs(1));
}

TEST_F(TokenRefresh, MayBeCalledByALogSink) {
  put(first_);
  std::string seen;
  set_log_sink([&](LogLevel, std::string_view, std::string_view) { seen = manager_.get_token(); });
  manager_.get();
  set_log_sink({});
  EXPECT_EQ(seen, first_);
}

TEST_F(TokenRefresh, IsThreadSafeDuringRefresh) {
  constexpr int renewals = 300;
  put(first_);
  std::atomic<int> failures{0};
  std::atomic<bool> done{false};
  {
    std::vector<std::jthread> readers;
    readers.reserve(4);
    for (int reader = 0; reader < 4; ++reader) {
      readers.emplace_back([&, callback = manager_.create_callback()] {
        while (!done) {
          const OAuthToken token = callback();
          const bool belongs_together = Token(token.token).claims().expires == token.expires;
          const bool is_due_in_time = manager_.next_refresh() >= first_end_ - buffer;
          if (!belongs_together || !is_due_in_time) ++failures;
        }
      });
    }
    for (int renewal = 1; renewal <= renewals; ++renewal) {
      put(suited_until(first_end_ + seconds(renewal)));
      manager_.reload();
    }
    done = true;
  }
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(manager_.get().expires, first_end_ + seconds(renewals));
}

TEST_F(TokenRefresh, RejectsANegativeBufferAndAcceptsAHugeOne) {
  EXPECT_THROW(SciTokenRefreshManager(request_, seconds(-1), machine_.environment()), std::invalid_argument);
  put(first_);
  SciTokenRefreshManager cautious(request_, seconds::max(), machine_.environment());
  EXPECT_EQ(cautious.get_token(), first_);
  EXPECT_EQ(cautious.next_refresh(), start + seconds(5));
}

TEST(BrokerToken, RejectsABrokerUrlWithoutAHost) {
  EXPECT_THROW(get_scitoken_for_kafka(""), std::invalid_argument);
  EXPECT_THROW(create_oauth_callback(":9092"), std::invalid_argument);
  EXPECT_THROW(SciTokenRefreshManager("SASL_SSL://"), std::invalid_argument);
}

/// The process environment with a token in $BEARER_TOKEN and in no earlier place.
class ProcessToken : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* variable : {"SCITOKEN", "SCITOKEN_FILE", "_CONDOR_CREDS"}) {
      ::unsetenv(variable);
    }
  }
  void TearDown() override { ::unsetenv("BEARER_TOKEN"); }

  static void put(const std::string& token) { ::setenv("BEARER_TOKEN", token.c_str(), 1); }

  const TimePoint tomorrow_ = std::chrono::system_clock::now() + std::chrono::hours(24);
  const std::string token_ = fake_token("kafka-dev.ligo.org", "kafka.produce", tomorrow_);
};

TEST_F(ProcessToken, IsFoundForTheHostOfABroker) {
  put(token_);
  EXPECT_EQ(get_scitoken_for_kafka("kafka-dev.ligo.org:9092"), token_);
  EXPECT_EQ(SciTokenRefreshManager("SASL_SSL://kafka-dev.ligo.org:9092").get_token(), token_);
}

TEST_F(ProcessToken, IsFoundForAnExplicitAudience) {
  put(fake_token("igwn", "kafka.consume", tomorrow_));
  EXPECT_NO_THROW(get_scitoken_for_kafka("", "kafka.consume", "igwn"));
}

TEST_F(ProcessToken, IsDiscoveredAgainByEachCallback) {
  put(token_);
  const OAuthCallback callback = create_oauth_callback("kafka-dev.ligo.org:9092");
  EXPECT_EQ(callback().token, token_);
  const std::string next = fake_token("kafka-dev.ligo.org", "kafka.produce", tomorrow_ + seconds(1));
  put(next);
  EXPECT_EQ(callback().token, next);
}

}  // namespace
}  // namespace gracedb::auth
