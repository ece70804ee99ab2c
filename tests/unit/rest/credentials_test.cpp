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

TEST(Credentials, SendTheTokenOverHttps) {
  const std::string token = token_for_gracedb();
  Credentials found = credentials({.service_url = secure}, {{"BEARER_TOKEN", token}});
  EXPECT_EQ(sent_to(secure, found).token, token);
  EXPECT_EQ(found.describe(), "bearer token of albert.einstein@ligo.org from $BEARER_TOKEN");
}

TEST(Credentials, DoNotSendTheTokenOverPlainHttpAndWarn) {
  const CapturedLog log;
  const std::string token = token_for_gracedb();
  Credentials found = credentials({.service_url = open_to_all}, {{"BEARER_TOKEN", token}});
  EXPECT_EQ(sent_to(open_to_all, found).token, std::nullopt);
  EXPECT_EQ(found.describe(), "none");
  EXPECT_THAT(log.messages(LogLevel::warning), ElementsAre(HasSubstr("the bearer token is not sent")));
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

TEST(Credentials, PreferTheGivenCertificate) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("mine.pem", fake_certificate(1h));
  Credentials found = credentials({.service_url = secure, .cred = Certificate{path, path}},
                                  {{"BEARER_TOKEN", token_for_gracedb()}});
  const Authorization authorization = sent_to(secure, found);
  EXPECT_EQ(authorization.token, std::nullopt);
  EXPECT_EQ(authorization.certificate.value().certificate_path, path);
}

TEST(Credentials, RejectAnUnusableGivenCertificate) {
  EXPECT_THAT(message_of<std::invalid_argument>([] {
                credentials({.service_url = secure, .cred = Certificate{"/no/cert.pem", "/no/key.pem"}}, {});
              }),
              HasSubstr("cannot read /no/cert.pem: No such file"));
  EXPECT_THAT(
      message_of<std::invalid_argument>([] {
        credentials({.service_url = open_to_all, .cred = Certificate{"/no/cert.pem", "/no/key.pem"}}, {});
      }),
      HasSubstr("use an https service URL"));
}

TEST(Credentials, RejectContradictoryOptions) {
  EXPECT_THROW(credentials({.service_url = secure, .force_noauth = true, .fail_if_noauth = true}, {}),
               std::invalid_argument);
  EXPECT_THROW(credentials({.service_url = secure, .cred = Certificate{"a", "b"}, .force_noauth = true}, {}),
               std::invalid_argument);
}

TEST(Credentials, AreNotSentWithForceNoauth) {
  Credentials found =
      credentials({.service_url = secure, .force_noauth = true}, {{"BEARER_TOKEN", token_for_gracedb()}});
  const Authorization authorization = sent_to(secure, found);
  EXPECT_EQ(authorization.token, std::nullopt);
  EXPECT_FALSE(authorization.certificate);
  EXPECT_EQ(found.describe(), "none");
  EXPECT_THAT(found.explain(authorization), HasSubstr("force_noauth is set"));
}

TEST(Credentials, AreRequiredAtConstructionWithFailIfNoauth) {
  EXPECT_THAT(
      message_of<CredentialError>([] { credentials({.service_url = secure, .fail_if_noauth = true}, {}); }),
      AllOf(HasSubstr(secure), HasSubstr("htgettoken"), Not(HasSubstr("\n"))));
  EXPECT_THROW(credentials({.service_url = open_to_all, .fail_if_noauth = true},
                           {{"BEARER_TOKEN", token_for_gracedb()}}),
               CredentialError)
      << "a token that must not be sent does not count";
  EXPECT_NO_THROW(
      credentials({.service_url = secure, .fail_if_noauth = true}, {{"BEARER_TOKEN", token_for_gracedb()}}));
}

TEST(Credentials, ExplainWhyNoTokenWasSent) {
  Credentials none = credentials({.service_url = secure}, {{"BEARER_TOKEN", token_for_gracedb(-1h)}});
  const std::string text = none.explain(sent_to(secure, none));
  EXPECT_THAT(text, AllOf(HasSubstr("no token was sent"), HasSubstr("; $BEARER_TOKEN: expired"),
                          HasSubstr("; Obtain a fresh token with: htgettoken"), Not(HasSubstr("\n"))));
}

TEST(Credentials, ExplainWhoseTokenWasSentWithoutQuotingIt) {
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

std::string state_of(const CertificateSearch& search, std::string_view place) {
  for (const auto& one : search.places) {
    if (one.name.find(place) != std::string::npos) return one.state;
  }
  return "not looked at";
}

TEST(CertificateSearch, PrefersTheUserCertificateToTheProxy) {
  const TemporaryDirectory directory;
  const std::string certificate = directory.write("usercert.pem", fake_certificate(1h));
  const std::string proxy = directory.write("proxy.pem", fake_certificate(1h));
  const auto search = find_certificate(environment_of(
      {{"X509_USER_CERT", certificate}, {"X509_USER_KEY", certificate}, {"X509_USER_PROXY", proxy}}));
  ASSERT_TRUE(search.certificate);
  EXPECT_EQ(search.certificate->certificate_path, certificate);
}

TEST(CertificateSearch, ReadsCertificateAndKeyFromOneProxyFile) {
  const TemporaryDirectory directory;
  const std::string proxy = directory.write("proxy.pem", fake_certificate(1h));
  const auto search = find_certificate(environment_of({{"X509_USER_PROXY", proxy}}));
  ASSERT_TRUE(search.certificate);
  EXPECT_EQ(search.certificate->certificate_path, proxy);
  EXPECT_EQ(search.certificate->key_path, proxy);
}

TEST(CertificateSearch, SkipsUnusableCertificatesAndReportsWhy) {
  const TemporaryDirectory directory;
  const std::string expired = directory.write("old.pem", fake_certificate(-1h));
  const std::string no_certificate = directory.write("text.pem", "hello");
  const auto search = find_certificate(environment_of(
      {{"X509_USER_CERT", expired}, {"X509_USER_KEY", expired}, {"X509_USER_PROXY", no_certificate}}));
  EXPECT_FALSE(search.certificate);
  EXPECT_THAT(state_of(search, "X509_USER_CERT"), HasSubstr("expired at 20"));
  EXPECT_THAT(state_of(search, "X509_USER_PROXY"), HasSubstr("contains no PEM certificate"));
  EXPECT_THAT(state_of(search, "x509up_u1000"), HasSubstr("No such file"));
}

TEST(CertificateSearch, ReportsThatOnlyOneOfCertificateAndKeyIsSet) {
  const auto search = find_certificate(environment_of({{"X509_USER_CERT", "/no/cert.pem"}}));
  EXPECT_THAT(state_of(search, "X509_USER_CERT"), HasSubstr("only one of the two"));
}

TEST(CertificateSearch, UsesTheDefaultProxyOnlyIfUserOrRootOwnsIt) {
  const TemporaryDirectory directory;
  auto environment = environment_of({}, directory.path());
  environment.user = getuid();
  const std::string path = directory.write("x509up_u" + std::to_string(getuid()), fake_certificate(1h));
  EXPECT_EQ(find_certificate(environment).certificate.value().certificate_path, path);

  environment.user = getuid() + 1;
  std::filesystem::rename(path, directory.path() / ("x509up_u" + std::to_string(environment.user)));
  const bool is_root = getuid() == 0;  // a file of root is accepted for every user
  EXPECT_EQ(find_certificate(environment).certificate.has_value(), is_root);
}

TEST(CertificateSearch, DoesNotFollowALinkInTheTemporaryDirectory) {
  const TemporaryDirectory directory;
  auto environment = environment_of({}, directory.path());
  environment.user = getuid();
  const std::string target = directory.write("elsewhere.pem", fake_certificate(1h));
  const auto link = directory.path() / ("x509up_u" + std::to_string(getuid()));
  std::filesystem::create_symlink(target, link);
  const auto search = find_certificate(environment);
  EXPECT_FALSE(search.certificate);
  EXPECT_EQ(state_of(search, link.native()), "not a regular file");
}

TEST(CertificateSearch, AcceptsACertificateThatExpiresInTheYear9999) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("ca.pem", fake_certificate(std::chrono::years(7000)));
  EXPECT_TRUE(find_certificate(environment_of({{"X509_USER_PROXY", path}})).certificate);
}

}  // namespace
}  // namespace gracedb::rest
