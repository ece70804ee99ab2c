#include "kafka/wakeup.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <thread>

namespace gracedb::kafka {
namespace {

bool is_readable(int descriptor) {
  pollfd event{descriptor, POLLIN, 0};
  return ::poll(&event, 1, 0) == 1;
}

TEST(WakeupEvent, StaysSetUntilTaken) {
  const WakeupEvent wake;
  EXPECT_FALSE(is_readable(wake.descriptor()));
  EXPECT_FALSE(wake.take());
  wake.set();
  wake.set();
  EXPECT_TRUE(is_readable(wake.descriptor()));
  EXPECT_TRUE(wake.take());
  EXPECT_FALSE(wake.take());
}

TEST(WakeupEvent, WakesUpAWaitingThread) {
  const WakeupEvent wake;
  const std::jthread other([&] { wake.set(); });
  pollfd event{wake.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 10'000), 1);
}

TEST(StopSignals, CatchesASignalForAllObjectsAndTheLastRestoresTheHandler) {
  static volatile std::sig_atomic_t previous_handler_calls = 0;
  const auto original = std::signal(SIGINT, [](int) { previous_handler_calls = previous_handler_calls + 1; });
  {
    const StopSignals outer;
    {
      const StopSignals inner;
      EXPECT_EQ(StopSignals::received(), 0);
      std::raise(SIGINT);
      EXPECT_EQ(StopSignals::received(), SIGINT);
    }
    EXPECT_TRUE(is_readable(StopSignals::descriptor()));
    std::raise(SIGINT);
    EXPECT_EQ(previous_handler_calls, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(previous_handler_calls, 1);
  const StopSignals fresh;
  EXPECT_EQ(StopSignals::received(), 0);
  std::signal(SIGINT, original);
}

}  // namespace
}  // namespace gracedb::kafka
