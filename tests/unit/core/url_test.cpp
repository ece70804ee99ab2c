#include "core/url.hpp"

#include "support/error_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace gracedb {
namespace {

using test_support::message_of;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Url, HasTheDefaultPortOfItsScheme) {
  const Url url = parse_url("HTTPS://GraceDB.ligo.org/api/");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "gracedb.ligo.org");
  EXPECT_EQ(url.port, "443");
  EXPECT_EQ(url.authority(), "gracedb.ligo.org");
}

TEST(Url, KeepsPortAndIpv6Address) {
  const Url url = parse_url("http://[::1]:8080/api/");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, "8080");
  EXPECT_EQ(url.authority(), "[::1]:8080");
}

TEST(Url, IsRejectedIfNotHttp) {
  for (const char* text : {"", "gracedb.ligo.org/api/", "ftp://gracedb.ligo.org/", "https://"}) {
    EXPECT_THROW(parse_url(text), std::invalid_argument) << text;
  }
}

TEST(Url, IsRejectedWithoutASchemeWithARemedy) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { parse_url("gracedb.ligo.org/api/"); }),
            "'gracedb.ligo.org/api/' is not a usable URL: it does not begin with https://; "
            "use one like https://gracedb-test.ligo.org/api/");
}

TEST(Url, IsRejectedWithoutAHost) { EXPECT_THROW(parse_service_url("https:///api/"), std::invalid_argument); }

TEST(Url, IsRejectedWithAUserNameWithoutQuotingThePassword) {
  for (const char* text :
       {"https://albert:secret@gracedb.ligo.org/", "https://albert:secret@gracedb.ligo.org:x/"}) {
    const std::string message = message_of<std::invalid_argument>([&] { parse_url(text); });
    EXPECT_THAT(message, HasSubstr("gracedb.ligo.org"));
    EXPECT_THAT(message, Not(HasSubstr("secret")));
  }
}

TEST(ServiceUrl, AlwaysEndsInASlash) {
  EXPECT_EQ(parse_service_url("https://gracedb.ligo.org/api").text, "https://gracedb.ligo.org/api/");
  EXPECT_EQ(parse_service_url("https://gracedb.ligo.org/api/").text, "https://gracedb.ligo.org/api/");
  EXPECT_THROW(parse_service_url("https://gracedb.ligo.org/api/?x=1"), std::invalid_argument);
}

TEST(ResolvedUrl, IsRelativeToTheBase) {
  const Url base = parse_url("https://gracedb.ligo.org/api/events/?query=x");
  EXPECT_EQ(resolve_url(base, "/api/v2/").text, "https://gracedb.ligo.org/api/v2/");
  EXPECT_EQ(resolve_url(base, "next").text, "https://gracedb.ligo.org/api/events/next");
  EXPECT_EQ(resolve_url(base, "https://elsewhere.org/").host, "elsewhere.org");
}

TEST(StayingOnHost, RequiresSchemeHostAndPort) {
  const Url service = parse_url("https://gracedb.ligo.org/api/");
  EXPECT_TRUE(stays_on_host(service, parse_url("https://gracedb.ligo.org/other")));
  EXPECT_FALSE(stays_on_host(service, parse_url("https://gracedb.ligo.org:444/api/")));
  EXPECT_FALSE(stays_on_host(service, parse_url("http://gracedb.ligo.org/api/")));
  EXPECT_FALSE(stays_on_host(service, parse_url("https://gracedb.ligo.org.evil.org/api/")));
  EXPECT_FALSE(stays_on_host(service, parse_url("https://test.gracedb.ligo.org/api/")));
}

TEST(StayingOnHost, AllowsTheUpgradeToHttps) {
  const Url service = parse_url("http://gracedb.ligo.org/api/");
  EXPECT_TRUE(stays_on_host(service, parse_url("https://gracedb.ligo.org/api/")));
  EXPECT_FALSE(stays_on_host(service, parse_url("https://gracedb.ligo.org:8443/api/")));
}

TEST(Token, IsSentOverHttpsOrToALoopbackAddressOnly) {
  for (const char* text : {"https://gracedb.ligo.org/", "https://10.0.0.1/", "http://localhost:8080/",
                           "http://127.0.0.1/", "http://127.8.9.1:80/", "http://[::1]:8080/"}) {
    EXPECT_TRUE(may_carry_token(parse_url(text))) << text;
  }
  for (const char* text :
       {"http://gracedb.ligo.org/", "http://10.0.0.1/", "http://128.0.0.1/", "http://[::2]/",
        "http://localhost.ligo.org/", "http://127.0.0.1.evil.org/", "http://0.0.0.0/"}) {
    EXPECT_FALSE(may_carry_token(parse_url(text))) << text;
  }
}

TEST(Template, IsExpandedWithPercentEncoding) {
  EXPECT_EQ(expand_template("https://x/events/{graceid}/files/{filename}",
                            {{"graceid", "T0001"}, {"filename", "a b/c,0.xml"}}),
            "https://x/events/T0001/files/a%20b%2Fc%2C0.xml");
  EXPECT_EQ(expand_template("https://x/events/reserve/", {}), "https://x/events/reserve/");
}

TEST(Template, IsRejectedWithAnUnknownName) {
  EXPECT_THAT(message_of<std::invalid_argument>([] {
                expand_template("https://x/{what}", {{"graceid", "T1"}});
              }),
              HasSubstr("'what'"));
}

TEST(Url, IsRejectedWithANulByte) {
  EXPECT_THAT(message_of<std::invalid_argument>(
                  [] { parse_url(std::string_view("https://gracedb.ligo.org\0.evil.org/", 35)); }),
              HasSubstr("NUL byte"));
}

}  // namespace
}  // namespace gracedb
