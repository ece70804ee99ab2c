#include "gracedb-kafka/topics.hpp"

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

TEST(InstanceTopics, InstanceEndsAtTheFirstDot) {
  const auto own = topics_of_instance(topics, "gracedb");
  ASSERT_EQ(own.size(), 2U);
  EXPECT_EQ(own[0].name, "gracedb.gstlal");
  EXPECT_EQ(parts_of(own[1].name).pipeline, "gstlal.dlq");
}

TEST(InstanceTopics, ErrorNamesOtherInstances) {
  try {
    topics_of_instance(topics, "playground");
    ADD_FAILURE() << "accepted an instance without topics";
  } catch (const KafkaTopicError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("playground"), HasSubstr("gracedb, gracedb-dev")));
  }
}

TEST(InstanceTopics, ThrowsWithoutAnyTopic) {
  EXPECT_THROW(topics_of_instance({}, "playground"), KafkaTopicError);
}

}  // namespace
}  // namespace gracedb::cli
