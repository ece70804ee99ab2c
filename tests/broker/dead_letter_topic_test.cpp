#include "supervisor/dead_letter_topic.hpp"

#include "gracedb/kafka/consumer.hpp"

#include "kafka/group_consumer.hpp"
#include "kafka/group_position.hpp"
#include "kafka/topic_reader.hpp"
#include "support/temporary_directory.hpp"
#include "test_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gracedb::supervisor {
namespace {

using namespace std::chrono_literals;
using test_support::eventually;
using test_support::TestBroker;
using test_support::unique_name;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto wait_on = [](const std::string&) { return true; };
constexpr auto give_up = [](const std::string&) { return false; };

/// A supervisor's group that reads `test`, and where its letters go.
class DeadLetterTopicTest : public ::testing::Test {
 protected:
  kafka::ConsumerOptions group_options() {
    kafka::ConsumerOptions options = broker().consumer_options({"test"});
    options.group_id = group_;
    return options;
  }

  /// A member of the group that has its share.
  std::unique_ptr<kafka::GroupConsumer> member() {
    auto consumer = std::make_unique<kafka::GroupConsumer>(group_options(), nullptr);
    const bool is_assigned = eventually([&] {
      consumer->poll(50ms);
      return !consumer->assignment().empty();
    });
    if (!is_assigned) throw std::runtime_error("got no partition");
    return consumer;
  }

  DeadLetterTopic topic(const std::string& pipeline = "olib") {
    kafka::ConsumerOptions consumer = group_options();
    consumer.topics.clear();
    return DeadLetterTopic({.pipeline = pipeline,
                            .producer = broker().producer_options(),
                            .consumer = std::move(consumer),
                            .reporter = {.group = group_, .process = "test"}});
  }

  Rejected letter(std::int64_t offset, const kafka::GroupConsumer& member) const {
    kafka::Message message;
    message.topic = "localhost.test";
    message.offset = offset;
    message.value = mark_ + std::to_string(offset);
    return {.id = static_cast<Window::Id>(offset),
            .message = std::make_shared<const kafka::Message>(std::move(message)),
            .rejection = {Rejection::Kind::schema, "broken"},
            .record = {},
            .group_metadata = member.group_metadata()};
  }

  /// The offsets of the messages whose letters are there.
  std::vector<std::int64_t> letters() {
    std::vector<std::int64_t> offsets;
    kafka::TopicReader(broker().consumer_options({}), "localhost.olib").read([&](const auto& found) {
      if (found.value.starts_with(mark_)) offsets.push_back(origin_of(found.headers).value().place.offset);
    });
    return offsets;
  }

  std::int64_t position() {
    return kafka::group_position(group_options(), {"localhost.test", 0}, 10s).value_or(-1);
  }

  virtual TestBroker& broker() { return TestBroker::shared(); }

  std::string group_ = unique_name("supervisors");
  std::string mark_ = unique_name("letter ");
};

TEST_F(DeadLetterTopicTest, HasTheLettersAndTheGroupItsPositionBehindTheirMessagesTogether) {
  const auto consumer = member();
  DeadLetterTopic letters_go_to = topic();
  const std::vector<Rejected> two{letter(3, *consumer), letter(4, *consumer)};
  EXPECT_EQ(letters_go_to.set_aside(two, wait_on), Placed::yes);
  EXPECT_THAT(letters(), ElementsAre(3, 4));
  EXPECT_EQ(position(), 5);
  const std::vector<Rejected> one{letter(7, *consumer)};
  EXPECT_EQ(letters_go_to.set_aside(one, wait_on), Placed::yes);
  EXPECT_THAT(letters(), ElementsAre(3, 4, 7));
  EXPECT_EQ(position(), 8);
}

TEST_F(DeadLetterTopicTest, HasNothingFromAMemberThatTheGroupHasGoneOnWithout) {
  auto former = member();
  const std::vector<Rejected> stale{letter(3, *former)};
  former->close();
  const auto present = member();
  DeadLetterTopic letters_go_to = topic();
  EXPECT_EQ(letters_go_to.set_aside(stale, wait_on), Placed::not_member);
  EXPECT_THAT(letters(), IsEmpty());
  EXPECT_LT(position(), 0);
  const std::vector<Rejected> fresh{letter(3, *present)};
  EXPECT_EQ(letters_go_to.set_aside(fresh, wait_on), Placed::yes);
  EXPECT_THAT(letters(), ElementsAre(3));
}

TEST_F(DeadLetterTopicTest, SaysWhatDoesNotTakeALetterAndLeavesThePosition) {
  const auto consumer = member();
  const std::vector<Rejected> one{letter(3, *consumer)};
  for (const auto* pipeline : {"readonly", "forbidden", "nowhere"}) {
    DeadLetterTopic letters_go_to = topic(pipeline);
    EXPECT_THROW(letters_go_to.set_aside(one, wait_on), NotTaken) << pipeline;
    EXPECT_THROW(letters_go_to.set_aside(one, wait_on), NotTaken) << pipeline << ", again";
  }
  EXPECT_LT(position(), 0);
}

TEST_F(DeadLetterTopicTest, NeedsPermissionForTransactionsOfItsGroupsName) {
  group_ = unique_name("no-transactions");
  const auto consumer = member();
  DeadLetterTopic letters_go_to = topic();
  const std::vector<Rejected> one{letter(3, *consumer)};
  try {
    letters_go_to.set_aside(one, wait_on);
    FAIL() << "it was taken";
  } catch (const NotTaken& refusal) {
    EXPECT_THAT(refusal.what(), HasSubstr("Transactional Id authorization failed"));
  }
  EXPECT_THAT(letters(), IsEmpty());
}

class DeadLetterTopicOutage : public DeadLetterTopicTest {
 protected:
  TestBroker& broker() override { return broker_; }

  test_support::TemporaryDirectory directory_;
  TestBroker broker_ = TestBroker::start(directory_.path());
};

TEST_F(DeadLetterTopicOutage, GivesUpWhenToldToAndHasTheLetterOnceAfterwards) {
  const auto consumer = member();
  DeadLetterTopic letters_go_to = topic();
  const std::vector<Rejected> first{letter(3, *consumer)};
  ASSERT_EQ(letters_go_to.set_aside(first, wait_on), Placed::yes);
  broker_.freeze();
  const std::vector<Rejected> second{letter(4, *consumer)};
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(letters_go_to.set_aside(second, give_up), Placed::given_up);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  broker_.thaw();
  EXPECT_EQ(letters_go_to.set_aside(second, wait_on), Placed::yes);
  EXPECT_THAT(letters(), ElementsAre(3, 4));
  EXPECT_EQ(position(), 5);
}

}  // namespace
}  // namespace gracedb::supervisor
