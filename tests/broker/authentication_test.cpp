#include "support/temporary_directory.hpp"
#include "test_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;
using test_support::always;
using test_support::eventually;
using test_support::TemporaryDirectory;
using test_support::TestBroker;
using testing::HasSubstr;
using testing::Not;

/// A token that the test can change while clients run.
class ChangingToken {
 public:
  explicit ChangingToken(const std::string& token) { set(token); }
  void set(const std::string& token) {
    const std::lock_guard lock(mutex_);
    callback_ = always(token);
  }
  auth::OAuthCallback callback() {
    return [this] {
      const std::lock_guard lock(mutex_);
      return callback_();
    };
  }

 private:
  std::mutex mutex_;
  auth::OAuthCallback callback_;
};

/// Whether `call` comes to be true. A login that began with the former token may be refused after it has been
/// renewed.
bool eventually_accepted(const std::function<bool()>& call) {
  return eventually([&] {
    try {
      return call();
    } catch (const KafkaAuthenticationError&) {
      return false;
    }
  });
}

void expect_refused(const std::string& token) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.oauth_callback = always(token);
  try {
    const Producer producer(options);
    FAIL() << "logged in";
  } catch (const KafkaAuthenticationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("htgettoken"));
    EXPECT_THAT(error.what(), Not(HasSubstr(token.substr(0, 20))));
  }
}

TEST(Authentication, RejectsATokenOfAnotherKey) { expect_refused(TestBroker::shared().token("--wrong-key")); }

TEST(Authentication, RejectsATokenForAnotherAudience) {
  expect_refused(TestBroker::shared().token("--audience https://elsewhere.example"));
}

TEST(Authentication, RejectsATokenOfAnotherIssuer) {
  expect_refused(TestBroker::shared().token("--issuer https://elsewhere.example"));
}

TEST(Authentication, RejectsAnExpiredTokenBeforeSendingIt) {
  expect_refused(TestBroker::shared().token("--lifetime -60s"));
}

TEST(Authentication, FailsAtConstructionWithoutAToken) {
  const TemporaryDirectory empty;
  ::setenv("BEARER_TOKEN_FILE", (empty.path() / "none").c_str(), 1);
  ::setenv("XDG_RUNTIME_DIR", empty.path().c_str(), 1);
  ProducerOptions options = TestBroker::shared().producer_options();
  options.oauth_callback = nullptr;
  options.token_audience = "other.example";
  EXPECT_THROW(Producer{options}, KafkaTokenError);
}

TEST(Authentication, FindsTheTokenOnDisk) {
  const TemporaryDirectory directory;
  ::setenv("BEARER_TOKEN_FILE", directory.write("token", TestBroker::shared().token() + "\n").c_str(), 1);
  ProducerOptions options = TestBroker::shared().producer_options();
  options.oauth_callback = nullptr;
  Producer producer(options);
  EXPECT_TRUE(producer.deliver("found").offset);
}

TEST(Authentication, RenewsTheTokenOfAnIdleClientFromDisk) {
  const TemporaryDirectory directory;
  ::setenv("BEARER_TOKEN_FILE", directory.write("token", TestBroker::shared().token("--lifetime 8s")).c_str(),
           1);
  ProducerOptions options = TestBroker::shared().producer_options();
  options.oauth_callback = nullptr;
  Producer producer(options);
  producer.deliver("before");
  directory.write("token", TestBroker::shared().token());

  // Idle for longer than the first token lives: no call polls.
  const auto end = std::chrono::steady_clock::now() + 10s;
  ASSERT_FALSE(eventually([&] { return std::chrono::steady_clock::now() >= end; }, 9s));
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() >= end; }));

  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(producer.deliver("after").offset);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST(Authentication, RecoversWithANewToken) {
  ChangingToken token(TestBroker::shared().token("--wrong-key"));
  ProducerOptions options = TestBroker::shared().producer_options();
  options.oauth_callback = token.callback();
  options.check_for_topics = false;
  options.flush_timeout = 2s;
  Producer producer(options);
  EXPECT_THROW(producer.deliver("refused"), KafkaAuthenticationError);
  EXPECT_THROW(producer.produce("refused"), KafkaAuthenticationError);
  EXPECT_THROW(producer.flush(1s), KafkaAuthenticationError);
  EXPECT_THROW(producer.poll(), KafkaAuthenticationError);
  EXPECT_EQ(producer.pending_messages(), 0U);

  token.set(TestBroker::shared().token());
  EXPECT_TRUE(eventually_accepted([&] { return producer.deliver("accepted").offset.has_value(); }));
  EXPECT_TRUE(eventually_accepted([&] {
    producer.produce("accepted");
    return producer.flush(10s) == 0;
  }));
}

TEST(Authentication, RecoversAConsumerWithANewToken) {
  ChangingToken token(TestBroker::shared().token("--wrong-key"));
  ConsumerOptions options = TestBroker::shared().consumer_options({"test"});
  options.oauth_callback = token.callback();
  options.check_for_topics = false;
  Consumer consumer(options);
  EXPECT_THROW(consumer.poll(10s), KafkaAuthenticationError);
  token.set(TestBroker::shared().token());
  EXPECT_TRUE(eventually_accepted([&] {
    consumer.poll(100ms);
    return !consumer.assignment().empty();
  }));
}

TEST(Authentication, ReportsACallbackThatThrows) {
  ProducerOptions options = TestBroker::shared().producer_options();
  options.oauth_callback = []() -> auth::OAuthToken { throw std::runtime_error("the vault is closed"); };
  options.validate_token = false;
  options.check_for_topics = false;
  options.flush_timeout = 2s;
  Producer producer(options);
  try {
    producer.deliver("x");
    FAIL() << "delivered without a token";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("the vault is closed"));
  }
}

}  // namespace
}  // namespace gracedb::kafka
