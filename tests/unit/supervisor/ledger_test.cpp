#include "supervisor/ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

using Positions = std::vector<kafka::TopicPartition>;

const Partition partition{"gracedb-test.gstlal", 2};

kafka::Message message(std::int64_t offset, const Partition& of = partition) {
  kafka::Message made;
  made.topic = of.topic;
  made.partition = of.number;
  made.offset = offset;
  return made;
}

Positions at(std::int64_t offset, const Partition& of = partition) { return {{of.topic, of.number, offset}}; }

/// Messages `from` to `to` of the partition, taken and settled.
Ledger settled_up_to(std::int64_t from, std::int64_t to) {
  Ledger ledger;
  ledger.assign(partition);
  for (std::int64_t offset = from; offset <= to; ++offset) {
    ledger.take(message(offset));
    ledger.settle(message(offset));
  }
  return ledger;
}

TEST(PartitionLedger, MovesOnlyPastSettledMessages) {
  PartitionLedger ledger;
  for (std::int64_t offset = 10; offset < 14; ++offset)
    ledger.take(offset);
  EXPECT_EQ(ledger.position(), 10);
  ledger.settle(11);
  ledger.settle(13);
  EXPECT_EQ(ledger.position(), 10);
  ledger.settle(10);
  EXPECT_EQ(ledger.position(), 12);
  ledger.settle(12);
  EXPECT_EQ(ledger.position(), 14);
}

TEST(PartitionLedger, HasNoPositionBeforeItsFirstMessage) { EXPECT_EQ(PartitionLedger().position(), -1); }

TEST(PartitionLedger, StandsBeforeAMessageThatIsYetToBeSetAside) {
  PartitionLedger ledger;
  for (std::int64_t offset = 10; offset < 13; ++offset)
    ledger.take(offset);
  ledger.reject(11);
  EXPECT_FALSE(ledger.has_turn(11));
  ledger.settle(10);
  EXPECT_EQ(ledger.position(), 11);
  EXPECT_TRUE(ledger.has_turn(11));
  EXPECT_EQ(ledger.open(), 2U);
  ledger.settle(11);
  EXPECT_EQ(ledger.position(), 12);
  ledger.reject(11);  // long settled
  EXPECT_EQ(ledger.position(), 12);
}

TEST(PartitionLedger, PassesOverOffsetsThatDoNotExist) {
  PartitionLedger ledger;
  ledger.take(5);
  ledger.take(9);
  ledger.settle(5);
  EXPECT_EQ(ledger.position(), 9);
  ledger.settle(9);
  EXPECT_EQ(ledger.position(), 10);
}

TEST(PartitionLedger, ForgetsNothingInAnyOrder) {
  std::mt19937 random(20'261'122);
  for (int round = 0; round < 200; ++round) {
    PartitionLedger ledger;
    std::vector<std::int64_t> offsets;
    std::int64_t offset = 1'000;
    for (int i = 0; i < 50; ++i) {
      ledger.take(offset);
      offsets.push_back(offset);
      offset += std::uniform_int_distribution<std::int64_t>(1, 3)(random);
    }
    std::set<std::int64_t> open(offsets.begin(), offsets.end());
    const std::int64_t end = offsets.back() + 1;
    std::shuffle(offsets.begin(), offsets.end(), random);
    for (const std::int64_t settled : offsets) {
      ledger.settle(settled);
      open.erase(settled);
      ASSERT_EQ(ledger.position(), open.empty() ? end : *open.begin());
      ASSERT_EQ(ledger.open(), open.size());
    }
  }
}

TEST(Ledger, TakesOnlyMessagesOfItsOwnPartitions) {
  Ledger ledger;
  EXPECT_FALSE(ledger.take(message(0)));
  ledger.assign(partition);
  EXPECT_TRUE(ledger.take(message(0)));
  EXPECT_FALSE(ledger.take(message(0, {"gracedb-test.gstlal", 3})));
  ledger.revoke(partition);
  EXPECT_FALSE(ledger.take(message(1)));
}

TEST(Ledger, HasNothingToCommitBeforeSomethingIsSettled) {
  Ledger ledger;
  ledger.assign(partition);
  EXPECT_EQ(ledger.due(), Positions());
  ledger.take(message(7));
  EXPECT_EQ(ledger.due(), Positions());
  ledger.settle(message(7));
  EXPECT_EQ(ledger.due(), at(8));
}

TEST(Ledger, LeavesOutPartitionsThatAreCommittedElsewhere) {
  const Ledger ledger = settled_up_to(0, 4);
  EXPECT_EQ(ledger.due({}, {partition}), Positions());
  EXPECT_EQ(ledger.due({partition}, {partition}), Positions());
}

TEST(Ledger, AsksForEachCommitOnce) {
  Ledger ledger = settled_up_to(0, 4);
  ledger.requested(at(5));
  EXPECT_EQ(ledger.due(), Positions());
  ledger.committed(at(5));
  EXPECT_EQ(ledger.due(), Positions());
}

TEST(Ledger, AsksAgainAfterAFailedCommit) {
  Ledger ledger = settled_up_to(0, 4);
  ledger.requested(at(5));
  ledger.failed(at(5));
  EXPECT_EQ(ledger.due(), at(5));
}

TEST(Ledger, KeepsPartitionsApart) {
  const Partition other{"gracedb-test.cwb", 0};
  Ledger ledger;
  ledger.assign(partition);
  ledger.assign(other);
  ledger.take(message(3));
  ledger.take(message(90, other));
  ledger.settle(message(90, other));
  EXPECT_EQ(ledger.due(), at(91, other));
  EXPECT_EQ(ledger.due(other), at(91, other));
  EXPECT_EQ(ledger.due(partition), Positions());
}

TEST(Ledger, BeginsAnewWhenAPartitionComesBack) {
  Ledger ledger = settled_up_to(0, 4);
  ledger.take(message(5));
  ledger.revoke(partition);
  ledger.settle(message(5));
  ledger.assign(partition);
  EXPECT_EQ(ledger.due(), Positions());
  ledger.take(message(3));
  EXPECT_EQ(ledger.due(), Positions());
}

TEST(Ledger, KnowsWhetherTheBrokerHasTakenEverything) {
  Ledger ledger = settled_up_to(5, 6);
  EXPECT_TRUE(ledger.has_uncommitted());
  ledger.requested(at(7));
  EXPECT_TRUE(ledger.has_uncommitted());
  EXPECT_FALSE(ledger.has_uncommitted({partition})) << "others commit for it";
  ledger.committed(at(7));
  EXPECT_FALSE(ledger.has_uncommitted());
  ledger.take(message(7));
  EXPECT_FALSE(ledger.has_uncommitted());
}

}  // namespace
}  // namespace gracedb::supervisor
