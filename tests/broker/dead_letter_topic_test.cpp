#include "supervisor/dead_letter_topic.hpp"

#include "gracedb/errors.hpp"

#include "kafka/topic_reader.hpp"
#include "support/temporary_directory.hpp"
#include "test_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

using namespace std::chrono_literals;
using test_support::eventually;
using test_support::TestBroker;
using test_support::unique_name;
using testing::ElementsAre;

class DeadLetterTopicTest : public ::testing::Test {
 protected:
  DeadLetterTopic topic(const std::string& pipeline = "olib") {
    return DeadLetterTopic({.pipeline = pipeline,
                            .producer = broker().producer_options(),
                            .reporter = {.group = "supervisors", .process = "test"}});
  }

  void write(DeadLetterTopic& to, std::int64_t offset) const {
    kafka::Message message;
    message.topic = "localhost.test";
    message.offset = offset;
    message.value = mark_ + std::to_string(offset);
    to.write(message, {Rejection::Kind::schema, "broken"});
  }

  /// The origins of the dead letters on the topic.
  std::vector<std::int64_t> letters() {
    std::vector<std::int64_t> offsets;
    kafka::TopicReader(broker().consumer_options({}), "localhost.olib").read([&](const auto& found) {
      if (found.value.starts_with(mark_)) offsets.push_back(origin_of(found.headers).value().place.offset);
    });
    return offsets;
  }

  virtual TestBroker& broker() { return TestBroker::shared(); }

  std::string mark_ = unique_name("dead letter ");
};

TEST_F(DeadLetterTopicTest, WritesDeadLettersInOrder) {
  DeadLetterTopic written = topic();
  for (const std::int64_t offset : {3, 4, 7})
    write(written, offset);
  EXPECT_THAT(letters(), ElementsAre(3, 4, 7));
}

TEST_F(DeadLetterTopicTest, ReportsATopicThatRefusesDeadLetters) {
  for (const auto* pipeline : {"readonly", "forbidden", "nowhere"}) {
    DeadLetterTopic refusing = topic(pipeline);
    EXPECT_THROW(write(refusing, 3), DeadLetterRefused) << pipeline;
    EXPECT_THROW(write(refusing, 3), DeadLetterRefused) << pipeline << ", again";
  }
}

class DeadLetterTopicOutage : public DeadLetterTopicTest {
 protected:
  TestBroker& broker() override { return broker_; }

  test_support::TemporaryDirectory directory_;
  TestBroker broker_ = TestBroker::start(directory_.path());
};

TEST_F(DeadLetterTopicOutage, ThrowsARetriableErrorInBoundedTime) {
  DeadLetterTopic written = topic();
  write(written, 3);
  broker_.freeze();
  const auto begin = std::chrono::steady_clock::now();
  try {
    write(written, 4);
    FAIL() << "no acknowledgement can have come";
  } catch (const KafkaError& fault) {
    EXPECT_TRUE(fault.is_retriable()) << fault.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2 * DeadLetterTopic::delivery_timeout);
  broker_.thaw();
  EXPECT_TRUE(eventually([&] {
    try {
      write(written, 4);
      return true;
    } catch (const KafkaError&) {
      return false;
    }
  }));
  const auto found = letters();  // at least once
  EXPECT_EQ(std::set<std::int64_t>(found.begin(), found.end()), (std::set<std::int64_t>{3, 4}));
}

}  // namespace
}  // namespace gracedb::supervisor
