#include "supervisor/fence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Partition first{"gracedb-test.gstlal", 0};
const Partition second{"gracedb-test.gstlal", 1};

kafka::Message message(std::int64_t offset, const Partition& partition) {
  kafka::Message made;
  made.topic = partition.topic;
  made.partition = partition.number;
  made.offset = offset;
  return made;
}

std::vector<Window::Id> ids(const std::vector<Rejected>& all) {
  std::vector<Window::Id> found;
  found.reserve(all.size());
  for (const Rejected& each : all)
    found.push_back(each.id);
  return found;
}

/// Two partitions with the offsets 0 to 9 each, none of which is settled. An offset is its message's id, plus
/// 100 on the second.
class FenceTest : public ::testing::Test {
 protected:
  FenceTest() {
    for (const Partition& partition : {first, second}) {
      ledger_.assign(partition);
      for (std::int64_t offset = 0; offset < 10; ++offset)
        ledger_.take(message(offset, partition));
    }
  }

  void settle_up_to(std::int64_t end, const Partition& partition = first) {
    for (std::int64_t offset = 0; offset < end; ++offset)
      ledger_.settle(message(offset, partition));
  }

  void reject(std::int64_t offset, const Partition& partition = first) {
    ledger_.reject(message(offset, partition));
    fence_.hold(rejected(offset, partition));
  }

  static Rejected rejected(std::int64_t offset, const Partition& partition = first) {
    return {.id = static_cast<Window::Id>(offset) + (partition == second ? 100 : 0),
            .message = std::make_shared<const kafka::Message>(message(offset, partition)),
            .rejection = {Rejection::Kind::schema, "not JSON"},
            .record = {}};
  }

  std::vector<Window::Id> commit() {
    fence_.sent(ledger_);
    return ids(fence_.taken());
  }

  Ledger ledger_;
  Fence fence_;
};

TEST_F(FenceTest, LetsThroughWhatWasThereWhenTheCommitWasSent) {
  reject(0);
  fence_.sent(ledger_);
  reject(0, second);
  EXPECT_THAT(ids(fence_.taken()), ElementsAre(0));
  EXPECT_THAT(fence_.due(ledger_), ElementsAre(second));
  EXPECT_THAT(commit(), ElementsAre(100));
  EXPECT_THAT(fence_.due(ledger_), IsEmpty());
}

TEST_F(FenceTest, KeepsAllForTheNextCommitWhenOneIsNotTaken) {
  reject(0);
  fence_.sent(ledger_);
  EXPECT_THAT(fence_.due(ledger_), IsEmpty());
  fence_.failed();
  EXPECT_THAT(fence_.due(ledger_), ElementsAre(first));
  EXPECT_THAT(fence_.taken(), IsEmpty());
  EXPECT_THAT(commit(), ElementsAre(0));
}

TEST_F(FenceTest, HoldsAMessageUntilNothingBeforeItIsLeftToUpload) {
  reject(4);
  settle_up_to(3);
  EXPECT_THAT(fence_.due(ledger_), IsEmpty());
  EXPECT_THAT(commit(), IsEmpty());
  ledger_.settle(message(3, first));
  EXPECT_THAT(fence_.due(ledger_), ElementsAre(first));
  EXPECT_THAT(commit(), ElementsAre(4));
}

TEST_F(FenceTest, LetsThroughInTheirOrderThoseWithNothingButOthersBeforeThem) {
  reject(2);
  reject(1);
  reject(0);
  reject(4);
  EXPECT_THAT(commit(), ElementsAre(0, 1, 2));
}

TEST_F(FenceTest, LetsNoMoreThroughWhileOthersOfTheirPartitionAreBeyond) {
  reject(0);
  ASSERT_THAT(commit(), ElementsAre(0));
  reject(1);
  reject(0, second);
  EXPECT_THAT(fence_.beyond(), ElementsAre(first));
  EXPECT_THAT(commit(), ElementsAre(100));
  fence_.done(rejected(0));
  EXPECT_FALSE(fence_.is_beyond(first));
  EXPECT_THAT(commit(), ElementsAre(1));
}

TEST_F(FenceTest, ForgetsThePartitionsThatGoToOthers) {
  reject(0);
  reject(0, second);
  fence_.sent(ledger_);
  reject(1);
  EXPECT_THAT(fence_.drop(first), ElementsAre(1, 0));
  EXPECT_THAT(ids(fence_.taken()), ElementsAre(100));
  EXPECT_THAT(fence_.due(ledger_), IsEmpty());
  fence_.forget(second);
  EXPECT_THAT(fence_.beyond(), IsEmpty());
}

}  // namespace
}  // namespace gracedb::supervisor
