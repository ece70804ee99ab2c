#include "rest/credentials.hpp"

#include "fake_gracedb.hpp"
#include "support/captured_log.hpp"
#include "support/fake_certificate.hpp"
#include "support/fake_token.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;
using test_support::CapturedLog;
using test_support::environment_of;
using test_support::fake_certificate;
using test_support::fake_token;
using test_support::message_of;
using test_support::TemporaryDirectory;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string secure = "https://gracedb.ligo.org/api/";
const std::string open_to_all = "http://gracedb.ligo.org/api/";

std::string token_for_gracedb(std::chrono::seconds lifetime = 1h) {
  return fake_token("https://gracedb.ligo.org", "gracedb.read", std::chrono::system_clock::now() + lifetime);
}

Credentials credentials(const GraceDbOptions& options, std::map<std::string, std::string> variables) {
  return {options, parse_service_url(options.service_url), environment_of(std::move(variables))};
}

Authorization sent_to(const std::string& url, Credentials& credentials) {
  return credentials.authorization(parse_url(url));
}

TEST(Credentials, SendTheTokenForTheHostOverHttps) {
  const std::string token = token_for_gracedb();
  Credentials found = credentials({.service_url = secure}, {{"BEARER_TOKEN", token}});
  EXPECT_EQ(sent_to(secure, found).token, token);
  EXPECT_EQ(found.describe(), "bearer token of albert.einstein@ligo.org from $BEARER_TOKEN");
}

TEST(Credentials, WithholdTheTokenOnPlainHttpAndSaySo) {
  const CapturedLog log;
  const std::string token = token_for_gracedb();
  Credentials found = credentials({.service_url = open_to_all}, {{"BEARER_TOKEN", token}});
  EXPECT_EQ(sent_to(open_to_all, found).token, std::nullopt);
  EXPECT_EQ(found.describe(), "none");
  EXPECT_THAT(log.messages(LogLevel::warning), ElementsAre(HasSubstr("the bearer token is withheld")));
  EXPECT_THAT(found.explain({}), AllOf(HasSubstr("neither https nor a loopback"), Not(HasSubstr(token))));
}

TEST(Credentials, SendTheTokenOverHttpToALoopbackAddress) {
  const CapturedLog log;
  const std::string url = "http://localhost:8080/api/";
  const std::string token =
      fake_token("https://localhost", "gracedb.read", std::chrono::system_clock::now() + 1h);
  Credentials found = credentials({.service_url = url}, {{"BEARER_TOKEN", token}});
  EXPECT_EQ(sent_to(url, found).token, token);
  EXPECT_THAT(log.messages(LogLevel::warning), IsEmpty());
}

TEST(Credentials, FallBackToACertificate) {
  const TemporaryDirectory directory;
  const std::string proxy = directory.write("proxy.pem", fake_certificate(1h));
  Credentials found = credentials({.service_url = secure}, {{"X509_USER_PROXY", proxy}});
  const Authorization authorization = sent_to(secure, found);
  EXPECT_EQ(authorization.token, std::nullopt);
  EXPECT_EQ(authorization.certificate.value().certificate_path, proxy);
  EXPECT_EQ(found.describe(), "certificate " + proxy);
  EXPECT_THAT(found.explain(authorization), HasSubstr("the certificate " + proxy + " was sent"));
}

TEST(Credentials, LetTheGivenCertificateWin) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("mine.pem", fake_certificate(1h));
  Credentials found = credentials({.service_url = secure, .cred = Certificate{path, path}},
                                  {{"BEARER_TOKEN", token_for_gracedb()}});
  const Authorization authorization = sent_to(secure, found);
  EXPECT_EQ(authorization.token, std::nullopt);
  EXPECT_EQ(authorization.certificate.value().certificate_path, path);
}

TEST(Credentials, RefuseAGivenCertificateThatCannotBeUsed) {
  EXPECT_THAT(message_of<std::invalid_argument>([] {
                credentials({.service_url = secure, .cred = Certificate{"/no/cert.pem", "/no/key.pem"}}, {});
              }),
              HasSubstr("cannot read /no/cert.pem: No such file"));
  EXPECT_THAT(
      message_of<std::invalid_argument>([] {
        credentials({.service_url = open_to_all, .cred = Certificate{"/no/cert.pem", "/no/key.pem"}}, {});
      }),
      HasSubstr("give an https service URL"));
}

TEST(Credentials, RefuseContradictions) {
  EXPECT_THROW(credentials({.service_url = secure, .force_noauth = true, .fail_if_noauth = true}, {}),
               std::invalid_argument);
  EXPECT_THROW(credentials({.service_url = secure, .cred = Certificate{"a", "b"}, .force_noauth = true}, {}),
               std::invalid_argument);
}

TEST(Credentials, SendNothingWhenForced) {
  Credentials found =
      credentials({.service_url = secure, .force_noauth = true}, {{"BEARER_TOKEN", token_for_gracedb()}});
  const Authorization authorization = sent_to(secure, found);
  EXPECT_EQ(authorization.token, std::nullopt);
  EXPECT_FALSE(authorization.certificate);
  EXPECT_EQ(found.describe(), "none");
  EXPECT_THAT(found.explain(authorization), HasSubstr("force_noauth is set"));
}

TEST(Credentials, FailAtOnceWithoutAnyIfAskedTo) {
  EXPECT_THAT(
      message_of<CredentialError>([] { credentials({.service_url = secure, .fail_if_noauth = true}, {}); }),
      AllOf(HasSubstr(secure), HasSubstr("htgettoken"), Not(HasSubstr("\n"))));
  EXPECT_THROW(credentials({.service_url = open_to_all, .fail_if_noauth = true},
                           {{"BEARER_TOKEN", token_for_gracedb()}}),
               CredentialError)
      << "a token that may not be sent is as good as none";
  EXPECT_NO_THROW(
      credentials({.service_url = secure, .fail_if_noauth = true}, {{"BEARER_TOKEN", token_for_gracedb()}}));
}

TEST(Credentials, ExplainWhyNoTokenWasSent) {
  Credentials none = credentials({.service_url = secure}, {{"BEARER_TOKEN", token_for_gracedb(-1h)}});
  const std::string text = none.explain(sent_to(secure, none));
  EXPECT_THAT(text, AllOf(HasSubstr("no token was sent"), HasSubstr("; $BEARER_TOKEN: expired"),
                          HasSubstr("; Obtain a fresh token with: htgettoken"), Not(HasSubstr("\n"))));
}

TEST(Credentials, ExplainWhoseTokenWasSentWithoutShowingIt) {
  const std::string token = token_for_gracedb();
  Credentials found = credentials({.service_url = secure}, {{"BEARER_TOKEN", token}});
  EXPECT_THAT(found.explain(sent_to(secure, found)),
              AllOf(HasSubstr("albert.einstein@ligo.org"), HasSubstr("htgettoken"), Not(HasSubstr(token))));
}

TEST(Credentials, FindATokenReplacedOnDisk) {
  const TemporaryDirectory directory;
  const std::string first = token_for_gracedb(1h);
  const std::string second = token_for_gracedb(2h);
  const std::string path = directory.write("token", first);
  auto environment = environment_of({{"BEARER_TOKEN_FILE", path}});
  environment.user = getuid();
  Credentials found({.service_url = secure}, parse_service_url(secure), environment);
  EXPECT_EQ(sent_to(secure, found).token, first);
  EXPECT_FALSE(found.renew());
  directory.write("token", second);
  EXPECT_TRUE(found.renew());
  EXPECT_EQ(sent_to(secure, found).token, second);
}

}  // namespace
}  // namespace gracedb::rest
