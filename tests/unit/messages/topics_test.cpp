#include "gracedb/kafka/topics.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gracedb::kafka {
namespace {

TEST(InstanceName, IsTheFirstComponentOfTheHost) {
  EXPECT_EQ(derive_instance_name("https://gracedb-dev.ligo.org/api/"), "gracedb-dev");
  EXPECT_EQ(derive_instance_name("https://gracedb.ligo.org/api/"), "gracedb");
  EXPECT_EQ(derive_instance_name("https://localhost:8080/api/"), "localhost");
  EXPECT_EQ(derive_instance_name("http://localhost"), "localhost");
}

TEST(InstanceName, IgnoresUserPortCaseAndQuery) {
  EXPECT_EQ(derive_instance_name("https://user@GraceDB-Test.ligo.org:443/api/"), "gracedb-test");
  EXPECT_EQ(derive_instance_name("https://gracedb.ligo.org?x=y"), "gracedb");
  EXPECT_EQ(derive_instance_name("https://[::1]:8080/api/"), "::1");
}

TEST(InstanceName, NeedsAUrlWithAHost) {
  for (const char* url :
       {"", "gracedb.ligo.org", "/api/", "https://", "https:///api/", "https://:8080/api/"}) {
    EXPECT_THROW(derive_instance_name(url), std::invalid_argument) << url;
  }
}

TEST(TopicName, JoinsInstanceAndPipeline) {
  EXPECT_EQ(make_topic_name("gracedb-dev", "gstlal"), "gracedb-dev.gstlal");
}

TEST(TopicName, SplitsAtTheFirstDot) {
  EXPECT_EQ(parse_topic_name("gracedb-dev.gstlal"),
            std::pair(std::string("gracedb-dev"), std::string("gstlal")));
  EXPECT_EQ(parse_topic_name("a.b.c"), std::pair(std::string("a"), std::string("b.c")));
}

TEST(TopicName, NeedsADot) { EXPECT_THROW(parse_topic_name("gstlal"), std::invalid_argument); }

TEST(TopicOfEvent, IsTestForGroupTestElseThePipelineInLowerCase) {
  EXPECT_EQ(topic_of_event("Test", "gstlal"), "test");
  EXPECT_EQ(topic_of_event("TEST", "MBTA"), "test");
  EXPECT_EQ(topic_of_event("CBC", "MBTAOnline"), "mbtaonline");
  EXPECT_EQ(topic_of_event("Burst", "CWB2G"), "cwb2g");
}

}  // namespace
}  // namespace gracedb::kafka
