#include "supervisor/history.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace gracedb::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'795'316'645)};

EventRecord event(const std::string& graceid) {
  return {.outcome = Outcome::uploaded, .graceid = graceid, .topic = "gracedb.gstlal"};
}

TEST(History, GivesWhatHasComeSince) {
  History history(10);
  history.add(event("T1"), now);
  history.add(event("T2"), now);
  const auto all = history.after(0);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].record.graceid, "T1");
  const auto later = history.after(all[0].number);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].record.graceid, "T2");
  EXPECT_TRUE(history.after(later[0].number).empty());
}

TEST(History, ForgetsTheOldestAndKeepsTheNumbers) {
  History history(2);
  for (int i = 1; i <= 5; ++i)
    history.add(event("T" + std::to_string(i)), now);
  const auto kept = history.after(0);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].number, 4U);
  EXPECT_EQ(kept[1].record.graceid, "T5");
}

TEST(History, WakesThoseWhoWaitForANewOne) {
  History history(2);
  std::thread writer([&] { history.add(event("T1"), now); });
  history.wait(0, minutes(1));
  EXPECT_EQ(history.after(0).size(), 1U);
  writer.join();
}

TEST(History, LetsNobodyWaitOnceItIsClosed) {
  History history(2);
  std::thread closer([&] { history.close(); });
  history.wait(0, minutes(1));
  EXPECT_TRUE(history.is_closed());
  closer.join();
}

}  // namespace
}  // namespace gracedb::supervisor
