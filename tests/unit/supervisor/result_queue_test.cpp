#include "supervisor/result_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace gracedb::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

UploadResult result(MessageId id) { return {.id = id}; }

TEST(ResultQueue, GivesResultsInTheirOrderOnce) {
  ResultQueue queue([] {});
  queue.push(result(1));
  queue.push(result(2));
  const auto taken = queue.take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].id, 1U);
  EXPECT_EQ(taken[1].id, 2U);
  EXPECT_TRUE(queue.take().empty());
}

TEST(ResultQueue, WakesTheLoopWhenItIsNoLongerEmpty) {
  int wakes = 0;
  ResultQueue queue([&] { ++wakes; });
  queue.push(result(1));
  queue.push(result(2));
  EXPECT_EQ(wakes, 1);
  queue.take();
  queue.push(result(3));
  EXPECT_EQ(wakes, 2);
}

TEST(ResultQueue, WaitsForAResult) {
  ResultQueue queue([] {});
  EXPECT_FALSE(queue.wait(milliseconds(1)));
  std::thread uploader([&] { queue.push(result(1)); });
  EXPECT_TRUE(queue.wait(seconds(30)));
  uploader.join();
}

TEST(ResultQueue, EndsAWaitWhenInterrupted) {
  ResultQueue queue([] {});
  std::thread stopper([&] { queue.interrupt(); });
  EXPECT_FALSE(queue.wait(seconds(30)));
  stopper.join();
}

TEST(ResultQueue, HandsTheFailureOfTheUploaderOnAfterItsLastResults) {
  ResultQueue queue([] {});
  queue.push(result(1));
  queue.fail(std::make_exception_ptr(std::runtime_error("out of handles")));
  EXPECT_TRUE(queue.wait(seconds(30)));
  EXPECT_EQ(queue.take().size(), 1U);
  EXPECT_THROW(queue.take(), std::runtime_error);
}

}  // namespace
}  // namespace gracedb::supervisor
