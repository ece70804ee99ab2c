#include "common/exit_code.hpp"

#include "gracedb/errors.hpp"

#include "common/output.hpp"
#include "support/fake_token.hpp"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <nlohmann/json.hpp>

#include <new>

namespace gracedb::programs {
namespace {

template <typename Error>
Failure failure_of(const Error& error) {
  return describe(std::make_exception_ptr(error));
}

HttpError http(int status, const std::string& body = {}) {
  return {"GraceDB refused it", status, "reason", body};
}

TEST(ExitCodes, AuthenticationFailuresAre3) {
  EXPECT_EQ(failure_of(KafkaTokenError("no token")).code, ExitCode::authentication);
  EXPECT_EQ(failure_of(KafkaAuthenticationError("refused")).code, ExitCode::authentication);
  EXPECT_EQ(failure_of(CredentialError("none")).code, ExitCode::authentication);
  EXPECT_EQ(failure_of(http(401)).code, ExitCode::authentication);
  EXPECT_EQ(failure_of(http(403, R"({"error": "Authentication credentials were not provided"})")).code,
            ExitCode::authentication);
}

TEST(ExitCodes, UnreachableServersAre4) {
  EXPECT_EQ(failure_of(KafkaConnectionError("no broker")).code, ExitCode::unreachable);
  EXPECT_EQ(failure_of(HttpConnectionError("no answer")).code, ExitCode::unreachable);
  for (const int status : {502, 503, 504})
    EXPECT_EQ(failure_of(http(status)).code, ExitCode::unreachable);
}

TEST(ExitCodes, TopicFailuresAre5AndOtherDeliveryFailures6) {
  EXPECT_EQ(failure_of(KafkaTopicError("no topic")).code, ExitCode::topic);
  EXPECT_EQ(failure_of(KafkaMessageDeliveryError("denied", KafkaErrorCode::topic_forbidden)).code,
            ExitCode::topic);
  EXPECT_EQ(failure_of(KafkaMessageDeliveryError("lost")).code, ExitCode::not_delivered);
  EXPECT_EQ(failure_of(KafkaProducerError("queue full")).code, ExitCode::not_delivered);
}

TEST(ExitCodes, RejectionsByGraceDbAre7) {
  for (const int status : {400, 403, 404, 409, 500})
    EXPECT_EQ(failure_of(http(status)).code, ExitCode::refused);
}

TEST(ExitCodes, UsageErrorsAre2) {
  EXPECT_EQ(failure_of(UsageError("which broker?")).code, ExitCode::usage);
  EXPECT_EQ(failure_of(std::invalid_argument("unknown group")).code, ExitCode::usage);
}

TEST(ExitCodes, OtherFailuresAre1) {
  EXPECT_EQ(failure_of(KafkaConsumerError("no commit")).code, ExitCode::other);
  EXPECT_EQ(failure_of(OutputError("disk full")).code, ExitCode::other);
  EXPECT_EQ(failure_of(std::bad_alloc()).code, ExitCode::other);
  EXPECT_EQ(failure_of(42).code, ExitCode::other);
  EXPECT_EQ(failure_of(ProgramError(ExitCode::topic, "chosen")).code, ExitCode::topic);
}

TEST(Failure, MessageIsOneLine) {
  EXPECT_EQ(failure_of(KafkaConsumerError("first\nsecond\n")).message, "first second");
  EXPECT_EQ(failure_of(KafkaConsumerError("no token: \n  $A: not set\n\n  $B: empty")).message,
            "no token: $A: not set $B: empty");
}

TEST(Failure, KeepsTheLinesOfATokenError) {
  EXPECT_EQ(failure_of(KafkaTokenError("no token:\n  $SCITOKEN: not set")).message,
            "no token:\n  $SCITOKEN: not set");
}

TEST(Failure, RedactsTokens) {
  const std::string token = test_support::fake_token({{"sub", "albert"}});
  for (const Failure& failure : {failure_of(KafkaTokenError("bad: " + token)), failure_of(http(400, token)),
                                 failure_of(UsageError("not a file: " + token))}) {
    EXPECT_EQ(failure.message.find(token), std::string::npos);
    EXPECT_EQ(failure.message.find("eyJ"), std::string::npos);
  }
}

TEST(Failure, IsOneJsonObject) {
  const auto json = nlohmann::json::parse(to_json({ExitCode::topic, "no \"topic\"\nhere"}));
  EXPECT_EQ(json, nlohmann::json({{"error", "no \"topic\"\nhere"}, {"code", 5}}));
}

}  // namespace
}  // namespace gracedb::programs
