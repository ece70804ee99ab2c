#include "supervisor/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace gracedb::supervisor {
namespace {

using ::testing::HasSubstr;

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'795'316'645)};

rest::Exchange answer(int status, std::string body = {}, std::map<std::string, std::string> headers = {}) {
  return {.response = {.status = status,
                       .reason = "Reason",
                       .headers = std::move(headers),
                       .body = std::move(body)},
          .failure = std::nullopt};
}

Verdict verdict_of(int status) { return judge(answer(status), now).verdict; }

TEST(Verdict, IsDoneForEverySuccess) {
  for (const int status : {200, 201, 202, 204})
    EXPECT_EQ(verdict_of(status), Verdict::done) << status;
}

TEST(Verdict, HasACauseThatCanBeCounted) {
  EXPECT_EQ(judge(answer(503), now).cause, "503");
  EXPECT_EQ(judge(answer(403), now).cause, "403");
  const auto cause_of = [](rest::ExchangeFailure::Kind kind) {
    return judge({.response = {}, .failure = rest::ExchangeFailure{.kind = kind, .reason = "no answer"}}, now)
        .cause;
  };
  EXPECT_EQ(cause_of(rest::ExchangeFailure::Kind::timeout), "timeout");
  EXPECT_EQ(cause_of(rest::ExchangeFailure::Kind::connect), "connect");
}

TEST(Verdict, IsDuplicateWhereTheEventHadBeenComplete) {
  EXPECT_EQ(judge(answer(200, R"({"graceid":"T0001","already_complete":true})"), now).verdict,
            Verdict::duplicate);
  EXPECT_EQ(judge(answer(200, R"({"graceid":"T0001","already_complete":false})"), now).verdict,
            Verdict::done);
  EXPECT_EQ(judge(answer(200, R"({"graceid":"T0001"})"), now).verdict, Verdict::done);
  EXPECT_EQ(judge(answer(200, "not JSON"), now).verdict, Verdict::done);
}

TEST(Verdict, IsRetryForWhatMayPass) {
  for (const int status : {408, 429, 500, 501, 502, 503, 504, 599}) {
    EXPECT_EQ(verdict_of(status), Verdict::retry) << status;
  }
}

TEST(Verdict, IsUnauthorizedForACredentialThatIsNotAccepted) {
  EXPECT_EQ(verdict_of(401), Verdict::unauthorized);
  EXPECT_EQ(verdict_of(403), Verdict::unauthorized);
}

TEST(Verdict, IsRefusedForEveryOtherRefusal) {
  for (const int status : {400, 402, 404, 405, 409, 410, 413, 415, 422, 451}) {
    EXPECT_EQ(verdict_of(status), Verdict::refused) << status;
  }
}

TEST(Verdict, IsRetryForARedirectAsItIsNoFaultOfTheMessage) {
  const Judgement judgement = judge(answer(301, {}, {{"location", "https://elsewhere.example/api/"}}), now);
  EXPECT_EQ(judgement.verdict, Verdict::retry);
  EXPECT_THAT(judgement.reason, HasSubstr("https://elsewhere.example/api/"));
  EXPECT_THAT(judgement.reason, HasSubstr("check the service URL"));
}

TEST(Verdict, IsRetryWithoutAnAnswer) {
  using Kind = rest::ExchangeFailure::Kind;
  for (const Kind kind :
       {Kind::resolve, Kind::connect, Kind::certificate, Kind::timeout, Kind::lost, Kind::other}) {
    const rest::Exchange exchange{.response = {},
                                  .failure = rest::ExchangeFailure{.kind = kind, .reason = "why"}};
    const Judgement judgement = judge(exchange, now);
    EXPECT_EQ(judgement.verdict, Verdict::retry);
    EXPECT_EQ(judgement.reason, "why");
  }
}

TEST(Verdict, SaysWhatGraceDbSays) {
  EXPECT_EQ(judge(answer(400, R"({"error":"Please provide a valid pipeline."})"), now).reason,
            "400 Reason: Please provide a valid pipeline");
}

TEST(Verdict, PassesTheWarningsOfASuccessOn) {
  const Judgement judgement =
      judge(answer(201, R"({"graceid":"T0001","warnings":["no far","no snr"]})"), now);
  EXPECT_EQ(judgement.verdict, Verdict::done);
  EXPECT_EQ(judgement.reason, "no far; no snr");
  EXPECT_EQ(judge(answer(201, R"({"graceid":"T0001","warnings":[]})"), now).reason, "");
  EXPECT_EQ(judge(answer(201, R"({"graceid":"T0001","warnings":7})"), now).reason, "");
}

TEST(Verdict, HonoursRetryAfter) {
  using std::chrono::seconds;
  EXPECT_EQ(judge(answer(503, {}, {{"retry-after", "7"}}), now).retry_after, seconds(7));
  EXPECT_EQ(judge(answer(429, {}, {{"retry-after", "Sun, 22 Nov 2026 03:04:15 GMT"}}), now).retry_after,
            seconds(10));
  EXPECT_EQ(judge(answer(503, {}, {{"retry-after", "soon"}}), now).retry_after, std::nullopt);
  EXPECT_EQ(judge(answer(503), now).retry_after, std::nullopt);
}

}  // namespace
}  // namespace gracedb::supervisor
