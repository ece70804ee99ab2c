#include "supervisor/service_address.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace gracedb::supervisor {
namespace {

TEST(ServiceAddress, IsTheSameHoweverItIsWritten) {
  const ServiceAddress own("https://gracedb-test.ligo.org/api/");
  for (const char* url : {"https://gracedb-test.ligo.org/api", "HTTPS://GraceDB-Test.LIGO.org/api/",
                          "https://gracedb-test.ligo.org:443/api/", "https://gracedb-test.ligo.org/api/v2/",
                          "https://gracedb-test.ligo.org/api/v1"}) {
    EXPECT_EQ(ServiceAddress(url), own) << url;
  }
}

TEST(ServiceAddress, TellsServicesApart) {
  const ServiceAddress own("https://gracedb.ligo.org/api/");
  for (const char* url : {"https://gracedb-test.ligo.org/api/", "http://gracedb.ligo.org/api/",
                          "https://gracedb.ligo.org:8443/api/", "https://gracedb.ligo.org/",
                          "https://gracedb.ligo.org/other/", "https://gracedb.ligo.org.evil.example/api/",
                          "https://gracedb.ligo.org/API/", "https://gracedb.ligo.org/api/vx/"}) {
    EXPECT_NE(ServiceAddress(url), own) << url;
  }
}

TEST(ServiceAddress, MayHaveNoPath) {
  EXPECT_EQ(ServiceAddress("http://localhost:8080"), ServiceAddress("http://localhost:8080/"));
  EXPECT_EQ(ServiceAddress("http://localhost:8080/v2/").text(), "http://localhost:8080/");
}

TEST(ServiceAddress, RefusesWhatIsNoService) {
  for (const char* url : {"", "gracedb.ligo.org", "ftp://gracedb.ligo.org/", "https://",
                          "https://user@gracedb.ligo.org/api/", "https://gracedb.ligo.org/api/?next=x"}) {
    EXPECT_THROW(ServiceAddress{url}, std::invalid_argument) << url;
  }
}

}  // namespace
}  // namespace gracedb::supervisor
