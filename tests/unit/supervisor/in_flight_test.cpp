#include "supervisor/in_flight.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Offsets = std::vector<kafka::TopicPartition>;

const Partition partition{"gracedb-test.gstlal", 2};
const Partition other{"gracedb-test.cwb", 0};

kafka::Message message(std::int64_t offset, const Partition& of = partition, std::size_t bytes = 4) {
  kafka::Message made;
  made.topic = of.topic;
  made.partition = of.number;
  made.offset = offset;
  made.value = std::string(bytes, 'x');
  return made;
}

Offsets at(std::int64_t offset, const Partition& of = partition) { return {{of.topic, of.number, offset}}; }

class InFlightTest : public ::testing::Test {
 protected:
  InFlightTest() {
    in_flight_.assign(partition);
    in_flight_.assign(other);
  }

  MessageId receive(std::int64_t offset, const Partition& of = partition, std::size_t bytes = 4) {
    return in_flight_.receive(message(offset, of, bytes)).value();
  }
  MessageId upload(std::int64_t offset, const Partition& of = partition, std::size_t bytes = 4) {
    const MessageId id = receive(offset, of, bytes);
    in_flight_.start_upload(id);
    return id;
  }
  void reject(MessageId id) { in_flight_.reject(id, {Rejection::Kind::schema, "not JSON"}, {}); }
  MessageState state(MessageId id) { return in_flight_.find(id)->state; }

  /// The offsets of the dead letters that are started now.
  std::vector<std::int64_t> started() {
    std::vector<std::int64_t> offsets;
    for (const InFlightMessage* each : in_flight_.start_dead_letters())
      offsets.push_back(each->message->offset);
    return offsets;
  }

  InFlight in_flight_{16, 100'000};
};

TEST_F(InFlightTest, TakesAMessageThroughItsStates) {
  const MessageId id = receive(7);
  EXPECT_EQ(state(id), MessageState::received);
  EXPECT_EQ(in_flight_.next()->id, id);
  in_flight_.start_upload(id);
  EXPECT_EQ(state(id), MessageState::uploading);
  EXPECT_EQ(in_flight_.next(), nullptr);
  reject(id);
  EXPECT_EQ(state(id), MessageState::rejected);
  EXPECT_EQ(in_flight_.find(id)->rejection->detail, "not JSON");
  EXPECT_THAT(started(), ElementsAre(7));
  EXPECT_EQ(state(id), MessageState::writing_dead_letter);
  EXPECT_THAT(started(), IsEmpty()) << "the writer has it";
  EXPECT_EQ(in_flight_.due(), Offsets()) << "no acknowledgement yet";
  EXPECT_EQ(in_flight_.settle(id)->message->offset, 7);
  EXPECT_EQ(in_flight_.find(id), nullptr);
  EXPECT_FALSE(in_flight_.settle(id));
  EXPECT_EQ(in_flight_.due(), at(8));
  EXPECT_EQ(in_flight_.messages(), 0U);
  EXPECT_EQ(in_flight_.bytes(), 0U);
}

TEST_F(InFlightTest, IgnoresTransitionsFromAWrongState) {
  const MessageId id = receive(7);
  reject(id);
  in_flight_.start_upload(id);
  EXPECT_EQ(state(id), MessageState::rejected);
  ASSERT_THAT(started(), ElementsAre(7));
  reject(id);
  EXPECT_EQ(state(id), MessageState::writing_dead_letter);
  EXPECT_EQ(in_flight_.messages(), 1U);
}

TEST_F(InFlightTest, WritesADeadLetterWhenEverythingBeforeItIsSettledOrRejected) {
  const MessageId event = upload(0);
  const MessageId first = receive(1);
  const MessageId second = receive(2);
  const MessageId elsewhere = receive(0, other);
  reject(second);
  reject(first);
  reject(elsewhere);
  EXPECT_THAT(started(), ElementsAre(0)) << "only on the other partition";
  in_flight_.settle(event);
  EXPECT_THAT(started(), ElementsAre(1, 2));
}

TEST_F(InFlightTest, CommitsUpToTheFirstUnsettledMessage) {
  std::map<std::int64_t, MessageId> ids;
  for (const std::int64_t offset : {10, 11, 12, 15})
    ids[offset] = upload(offset);
  EXPECT_EQ(in_flight_.due(), Offsets());
  in_flight_.settle(ids[11]);
  in_flight_.settle(ids[15]);
  EXPECT_EQ(in_flight_.due(), Offsets());
  in_flight_.settle(ids[10]);
  EXPECT_EQ(in_flight_.due(), at(12));
  in_flight_.settle(ids[12]);
  EXPECT_EQ(in_flight_.due(), at(16));
}

TEST_F(InFlightTest, CommitsTheFirstUnsettledOffsetInAnyOrderOfSettling) {
  std::mt19937 random(20'261'122);
  for (int round = 0; round < 200; ++round) {
    InFlight in_flight(1'000, 1'000'000);
    in_flight.assign(partition);
    std::vector<std::pair<std::int64_t, MessageId>> open;
    std::int64_t offset = 1'000;
    for (int i = 0; i < 50; ++i) {
      open.emplace_back(offset, in_flight.receive(message(offset)).value());
      offset += std::uniform_int_distribution<std::int64_t>(1, 3)(random);
    }
    const std::int64_t end = open.back().first + 1;
    std::shuffle(open.begin(), open.end(), random);
    while (!open.empty()) {
      in_flight.settle(open.back().second);
      open.pop_back();
      const std::int64_t first = open.empty() ? end : std::min_element(open.begin(), open.end())->first;
      ASSERT_EQ(in_flight.positions().at(partition), first);
    }
  }
}

TEST_F(InFlightTest, RequestsEachCommitOnceAndAgainAfterAFailure) {
  in_flight_.settle(receive(0));
  ASSERT_EQ(in_flight_.due(), at(1));
  EXPECT_TRUE(in_flight_.has_uncommitted());
  in_flight_.commit_requested(at(1));
  EXPECT_EQ(in_flight_.due(), Offsets());
  EXPECT_TRUE(in_flight_.has_uncommitted());
  in_flight_.commit_failed(at(1));
  EXPECT_EQ(in_flight_.due(), at(1));
  in_flight_.commit_requested(at(1));
  in_flight_.commit_succeeded(at(1));
  EXPECT_EQ(in_flight_.due(), Offsets());
  EXPECT_FALSE(in_flight_.has_uncommitted());
  receive(1);
  EXPECT_FALSE(in_flight_.has_uncommitted());
}

TEST_F(InFlightTest, KeepsPartitionsApart) {
  receive(3);
  in_flight_.settle(receive(90, other));
  EXPECT_EQ(in_flight_.due(), at(91, other));
  EXPECT_EQ(in_flight_.due(other), at(91, other));
  EXPECT_EQ(in_flight_.due(partition), Offsets());
}

TEST_F(InFlightTest, ForgetsARevokedPartition) {
  const MessageId uploading = upload(0);
  const MessageId received = receive(1);
  const MessageId kept = upload(5, other);
  EXPECT_TRUE(in_flight_.is_processing(partition));
  EXPECT_THAT(in_flight_.revoke(partition), UnorderedElementsAre(uploading, received));
  EXPECT_FALSE(in_flight_.is_processing(partition));
  EXPECT_FALSE(in_flight_.receive(message(2)));
  EXPECT_FALSE(in_flight_.settle(uploading));
  EXPECT_EQ(in_flight_.messages(), 1U);
  EXPECT_NE(in_flight_.find(kept), nullptr);
  in_flight_.assign(partition);
  EXPECT_NE(receive(0), uploading) << "a late result must not settle the message that is read again";
  EXPECT_EQ(in_flight_.due(partition), Offsets());
}

TEST_F(InFlightTest, CountsTheMessageAndItsDecodedFile) {
  kafka::Message weighed = message(0, partition, 4'000);
  EXPECT_EQ(InFlight::bytes_of(weighed), 7'000U);
  weighed.key = "T0001";
  weighed.headers = {{"trace", "abc"}};
  EXPECT_EQ(InFlight::bytes_of(weighed), 7'013U);
}

TEST_F(InFlightTest, AdmitsNoMoreThanItsNumberOfMessages) {
  in_flight_ = InFlight(2, 1'000'000);
  in_flight_.assign(partition);
  upload(0);
  EXPECT_TRUE(in_flight_.has_room());
  const MessageId second = upload(1);
  EXPECT_FALSE(in_flight_.has_room());
  const MessageId third = receive(2);
  EXPECT_EQ(in_flight_.next(), nullptr);
  in_flight_.settle(second);
  ASSERT_NE(in_flight_.next(), nullptr);
  EXPECT_EQ(in_flight_.next()->id, third);
}

TEST_F(InFlightTest, AdmitsAMessageLargerThanTheLimitAlone) {
  in_flight_ = InFlight(100, 7'000);
  in_flight_.assign(partition);
  const MessageId small = upload(0);
  const MessageId large = receive(1, partition, 1'000'000);
  EXPECT_EQ(in_flight_.next(), nullptr);
  in_flight_.settle(small);
  ASSERT_NE(in_flight_.next(), nullptr);
  in_flight_.start_upload(large);
  receive(2);
  EXPECT_EQ(in_flight_.next(), nullptr);
  EXPECT_EQ(in_flight_.bytes(), 1'750'000U);
}

TEST_F(InFlightTest, NeverExceedsItsLimits) {
  std::mt19937 random(20'261'122);
  std::uniform_int_distribution<std::size_t> sizes(0, 30'000);
  std::vector<MessageId> open;
  for (std::int64_t step = 0; step < 20'000; ++step) {
    if (in_flight_.has_room()) receive(step, partition, sizes(random));
    if (InFlightMessage* const next = in_flight_.next()) {
      in_flight_.start_upload(next->id);
      open.push_back(next->id);
    } else {
      const std::size_t which = random() % open.size();
      in_flight_.settle(open[which]);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    ASSERT_LE(in_flight_.messages(), 16U);
    ASSERT_LE(in_flight_.bytes(), 100'000U);
  }
}

}  // namespace
}  // namespace gracedb::supervisor
