#include "rest/certificate.hpp"

#include "fake_gracedb.hpp"
#include "support/fake_certificate.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::rest {
namespace {

using namespace std::chrono_literals;
using test_support::environment_of;
using test_support::fake_certificate;
using test_support::TemporaryDirectory;
using ::testing::HasSubstr;

std::string state_of(const CertificateSearch& search, std::string_view place) {
  for (const auto& one : search.places) {
    if (one.name.find(place) != std::string::npos) return one.state;
  }
  return "not looked at";
}

TEST(CertificateSearch, PrefersThePairOfTheUserToTheProxy) {
  const TemporaryDirectory directory;
  const std::string certificate = directory.write("usercert.pem", fake_certificate(1h));
  const std::string proxy = directory.write("proxy.pem", fake_certificate(1h));
  const auto search = find_certificate(environment_of(
      {{"X509_USER_CERT", certificate}, {"X509_USER_KEY", certificate}, {"X509_USER_PROXY", proxy}}));
  ASSERT_TRUE(search.certificate);
  EXPECT_EQ(search.certificate->certificate_path, certificate);
}

TEST(CertificateSearch, TakesCertificateAndKeyFromOneProxyFile) {
  const TemporaryDirectory directory;
  const std::string proxy = directory.write("proxy.pem", fake_certificate(1h));
  const auto search = find_certificate(environment_of({{"X509_USER_PROXY", proxy}}));
  ASSERT_TRUE(search.certificate);
  EXPECT_EQ(search.certificate->certificate_path, proxy);
  EXPECT_EQ(search.certificate->key_path, proxy);
}

TEST(CertificateSearch, PassesOverWhatCannotBeUsedAndSaysWhy) {
  const TemporaryDirectory directory;
  const std::string expired = directory.write("old.pem", fake_certificate(-1h));
  const std::string no_certificate = directory.write("text.pem", "hello");
  const auto search = find_certificate(environment_of(
      {{"X509_USER_CERT", expired}, {"X509_USER_KEY", expired}, {"X509_USER_PROXY", no_certificate}}));
  EXPECT_FALSE(search.certificate);
  EXPECT_THAT(state_of(search, "X509_USER_CERT"), HasSubstr("expired at 20"));
  EXPECT_THAT(state_of(search, "X509_USER_PROXY"), HasSubstr("holds no certificate"));
  EXPECT_THAT(state_of(search, "x509up_u1000"), HasSubstr("No such file"));
}

TEST(CertificateSearch, NamesTheMissingHalfOfThePair) {
  const auto search = find_certificate(environment_of({{"X509_USER_CERT", "/no/cert.pem"}}));
  EXPECT_THAT(state_of(search, "X509_USER_CERT"), HasSubstr("only one of them"));
}

TEST(CertificateSearch, TakesTheDefaultProxyOfTheUserOnly) {
  const TemporaryDirectory directory;
  auto environment = environment_of({}, directory.path());
  environment.user = getuid();
  const std::string path = directory.write("x509up_u" + std::to_string(getuid()), fake_certificate(1h));
  EXPECT_EQ(find_certificate(environment).certificate.value().certificate_path, path);

  environment.user = getuid() + 1;
  std::filesystem::rename(path, directory.path() / ("x509up_u" + std::to_string(environment.user)));
  const bool is_root = getuid() == 0;  // A file of root is good for everybody.
  EXPECT_EQ(find_certificate(environment).certificate.has_value(), is_root);
}

TEST(CertificateSearch, DoesNotFollowALinkInThePublicDirectory) {
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

}  // namespace
}  // namespace gracedb::rest
