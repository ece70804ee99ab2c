#include "gracedb-kafka/instance_topics.hpp"

#include "gracedb/errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<kafka::TopicInfo> topics = {{.name = "gracedb-dev.test", .partitions = 1, .error = {}},
                                              {.name = "gracedb.gstlal", .partitions = 3, .error = {}},
                                              {.name = "gracedb.gstlal.dlq", .partitions = 1, .error = {}},
                                              {.name = "unrelated", .partitions = 1, .error = {}}};

TEST(InstanceTopics, AreThoseBeforeTheFirstDot) {
  const auto own = topics_of_instance(topics, "gracedb");
  ASSERT_EQ(own.size(), 2U);
  EXPECT_EQ(own[0].name, "gracedb.gstlal");
  EXPECT_EQ(parts_of(own[1].name).pipeline, "gstlal.dlq");
}

TEST(InstanceTopics, NameTheOtherInstancesWhereThereAreNone) {
  try {
    topics_of_instance(topics, "playground");
    ADD_FAILURE() << "an instance without topics was accepted";
  } catch (const KafkaTopicError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("playground"), HasSubstr("gracedb, gracedb-dev")));
  }
}

TEST(InstanceTopics, SayWhereTheBrokerShowsNothingAtAll) {
  EXPECT_THROW(topics_of_instance({}, "playground"), KafkaTopicError);
}

}  // namespace
}  // namespace gracedb::cli
