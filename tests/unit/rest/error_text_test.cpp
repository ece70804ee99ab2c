#include "rest/session.hpp"
#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::rest {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const HttpRequest reservation{.method = Method::post,
                              .url = "https://gracedb.ligo.org/api/events/reserve/?a=b"};

Response answer(int status, std::string reason, std::string body,
                std::map<std::string, std::string> headers = {}) {
  return {
      .status = status, .reason = std::move(reason), .headers = std::move(headers), .body = std::move(body)};
}

std::string detail(std::string body) { return detail_of(answer(400, "Bad Request", std::move(body))); }

TEST(Detail, IsReadFromEveryFormOfErrorBody) {
  EXPECT_EQ(detail(R"({"error": "Please provide a valid pipeline."})"), "Please provide a valid pipeline");
  EXPECT_EQ(detail(R"({"errors": ["group: required", "pipeline: required"]})"),
            "group: required; pipeline: required");
  EXPECT_EQ(detail(R"({"warnings": ["nothing created"]})"), "nothing created");
  EXPECT_EQ(detail(R"({"detail": "Authentication credentials were not provided."})"),
            "Authentication credentials were not provided");
  EXPECT_EQ(detail(R"({"eventFile": ["The submitted file is empty."]})"),
            "eventFile: The submitted file is empty");
  EXPECT_EQ(detail(R"("Event not found.")"), "Event not found");
  EXPECT_EQ(detail("You don't have permission on this pipeline."),
            "You don't have permission on this pipeline");
  EXPECT_EQ(detail("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"),
            "502 Bad Gateway");
  EXPECT_EQ(detail(""), "");
  EXPECT_EQ(detail("{}"), "");
}

TEST(Detail, IsOneLineOfBoundedLength) {
  EXPECT_EQ(detail("first\n\tsecond\x01third\r\n"), "first second third");
  std::string long_text;
  while (long_text.size() < 1000) {
    long_text += "ü";
  }
  const std::string text = detail(long_text);
  EXPECT_LE(text.size(), 300U);
  EXPECT_THAT(text, AllOf(StartsWith("üü"), EndsWith("ü…")));
}

TEST(Refusal, NamesRequestStatusReasonAndRemedy) {
  const HttpError error =
      refusal(reservation, answer(403, "Forbidden", R"({"detail": "No."})"), "no token was sent: x");
  EXPECT_STREQ(error.what(),
               "GraceDB refused POST https://gracedb.ligo.org/api/events/reserve/ with 403 Forbidden: No; "
               "no token was sent: x");
  EXPECT_EQ(error.status(), 403);
  EXPECT_EQ(error.reason(), "Forbidden");
  EXPECT_EQ(error.body(), R"({"detail": "No."})");
}

TEST(Refusal, HasAdviceForEachStatus) {
  const auto text = [](int status, std::map<std::string, std::string> headers = {}) {
    return std::string(refusal(reservation, answer(status, "X", "", std::move(headers))).what());
  };
  EXPECT_THAT(text(404), HasSubstr("check the id and the service URL"));
  EXPECT_THAT(text(413), HasSubstr("exceeds the size limit"));
  EXPECT_THAT(text(429, {{"retry-after", "12"}}), HasSubstr("try again in 12 s"));
  EXPECT_THAT(text(503),
              AllOf(HasSubstr("GraceDB failed at POST"), HasSubstr("maintenance; try again later")));
}

TEST(Refusal, RedactsTokens) {
  const std::string token = test_support::fake_token({{"sub", "albert"}});
  const HttpError error = refusal({.method = Method::get, .url = "https://x.org/" + token},
                                  answer(400, "Bad", "bad token " + token));
  EXPECT_THAT(error.what(), AllOf(HasSubstr("[token]"), Not(HasSubstr(token))));
}

TEST(ConnectionFailure, NamesHostAndReason) {
  const HttpRequest request{.method = Method::get, .url = "http://localhost:1234/api/"};
  EXPECT_STREQ(
      connection_failure(
          request, {.kind = ExchangeFailure::Kind::connect, .reason = "Connection refused", .sent = false}, 1,
          {})
          .what(),
      "could not connect to localhost:1234: Connection refused; check the service URL and the network");
  EXPECT_THAT(
      connection_failure(request, {.kind = ExchangeFailure::Kind::resolve, .reason = {}, .sent = false}, 6,
                         std::chrono::milliseconds(1250))
          .what(),
      AllOf(HasSubstr("no such host: localhost"), HasSubstr("(6 tries in 1.2 s)")));
}

TEST(ConnectionFailure, WarnsThatTheRequestMayHaveBeenProcessed) {
  HttpRequest request = reservation;
  request.repeatable = false;
  EXPECT_THAT(connection_failure(
                  request, {.kind = ExchangeFailure::Kind::lost, .reason = "reset", .sent = true}, 1, {})
                  .what(),
              HasSubstr("may have processed the request"));
}

TEST(Detail, SurvivesDeeplyNestedJson) {
  for (const std::size_t depth : {199U, 201U, 9'100U, 500'000U}) {
    const std::string text = detail(std::string(depth, '[') + R"("no")" + std::string(depth, ']'));
    EXPECT_THAT(text, ::testing::AnyOf("no", StartsWith("[[[")));
    EXPECT_LE(text.size(), 300U);
  }
}

TEST(Detail, ReadsNumbersThatNoDoubleHolds) {
  EXPECT_EQ(detail(R"({"error": 1e999})"), R"({"error": 1e999})");
}

TEST(Refusal, EscapesBytesThatAreNotUtf8) {
  const HttpError error = refusal(reservation, answer(403, "Verboten f\xFCr dich", "d\xE9sol\xE9"));
  EXPECT_THAT(error.what(), AllOf(HasSubstr("Verboten f\\xfcr dich"), HasSubstr("d\\xe9sol\\xe9")));
  EXPECT_EQ(error.body(), "d\xE9sol\xE9");
}

TEST(Refusal, IsShortWithLongHeaders) {
  const std::string long_text(100'000, 'x');
  const HttpError error = refusal(reservation, answer(503, long_text, "", {{"retry-after", long_text}}));
  EXPECT_LT(std::string_view(error.what()).size(), 1'000U);
}

}  // namespace
}  // namespace gracedb::rest
