#include "supervisor/window.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

kafka::Message message(std::size_t bytes, std::int32_t partition = 0) {
  kafka::Message made;
  made.topic = "gracedb-test.gstlal";
  made.partition = partition;
  made.value = std::string(bytes, 'x');
  return made;
}

Window::Id add(Window& window, std::size_t bytes, std::int32_t partition = 0) {
  return window.add({std::make_shared<const kafka::Message>(message(bytes, partition)), "T0001", {}});
}

TEST(Window, CountsAMessageAndItsDecodedFile) {
  kafka::Message weighed = message(4'000);
  EXPECT_EQ(Window::weight_of(weighed), 7'000U);
  weighed.key = "T0001";
  weighed.headers = {{"trace", "abc"}};
  EXPECT_EQ(Window::weight_of(weighed), 7'013U);
}

TEST(Window, IsFullAtItsNumberOfMessages) {
  Window window(2, 1'000'000);
  add(window, 1);
  EXPECT_TRUE(window.has_room());
  const auto second = add(window, 1);
  EXPECT_FALSE(window.has_room());
  EXPECT_FALSE(window.has_room_for(message(0)));
  ASSERT_TRUE(window.remove(second));
  EXPECT_TRUE(window.has_room());
}

TEST(Window, IsFullAtItsBytes) {
  Window window(100, 7'000);
  add(window, 2'000);
  EXPECT_TRUE(window.has_room_for(message(2'000)));
  EXPECT_FALSE(window.has_room_for(message(2'004)));
  add(window, 2'000);
  EXPECT_FALSE(window.has_room());
}

TEST(Window, LetsAMessageThatExceedsTheBoundGoAlone) {
  Window window(100, 7'000);
  EXPECT_TRUE(window.has_room_for(message(1'000'000)));
  const auto small = add(window, 4);
  EXPECT_FALSE(window.has_room_for(message(1'000'000)));
  window.remove(small);
  add(window, 1'000'000);
  EXPECT_FALSE(window.has_room_for(message(1)));
}

TEST(Window, GivesEachMessageBackOnce) {
  Window window(10, 1'000);
  const auto id = add(window, 10, 3);
  ASSERT_NE(window.find(id), nullptr);
  EXPECT_EQ(window.find(id)->graceid, "T0001");
  const auto removed = window.remove(id);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->message->partition, 3);
  EXPECT_EQ(removed->graceid, "T0001");
  EXPECT_EQ(window.find(id), nullptr);
  EXPECT_FALSE(window.remove(id));
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.bytes(), 0U);
}

TEST(Window, ForgetsThePartitionThatIsGivenUp) {
  Window window(10, 1'000);
  const auto first = add(window, 4, 1);
  const auto kept = add(window, 4, 2);
  const auto second = add(window, 4, 1);
  const Partition leaving{"gracedb-test.gstlal", 1};
  EXPECT_TRUE(window.holds(leaving));
  EXPECT_THAT(window.drop(leaving), ::testing::UnorderedElementsAre(first, second));
  EXPECT_FALSE(window.holds(leaving));
  EXPECT_FALSE(window.remove(first));
  EXPECT_TRUE(window.remove(kept));
  EXPECT_EQ(window.bytes(), 0U);
}

TEST(Window, NeverExceedsItsBoundsWhereRoomIsAskedFor) {
  constexpr std::size_t most_messages = 16;
  constexpr std::size_t most_bytes = 100'000;
  Window window(most_messages, most_bytes);
  std::mt19937 random(20'261'122);
  std::uniform_int_distribution<std::size_t> sizes(0, 30'000);
  std::vector<Window::Id> open;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t bytes = sizes(random);
    if (window.has_room_for(message(bytes))) {
      open.push_back(add(window, bytes));
    } else {
      const std::size_t which = random() % open.size();
      ASSERT_TRUE(window.remove(open[which]));
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    ASSERT_LE(window.messages(), most_messages);
    ASSERT_LE(window.bytes(), most_bytes);
  }
}

}  // namespace
}  // namespace gracedb::supervisor
