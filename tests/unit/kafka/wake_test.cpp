#include "kafka/wake.hpp"

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

TEST(Wake, IsSetUntilTaken) {
  const Wake wake;
  EXPECT_FALSE(is_readable(wake.descriptor()));
  EXPECT_FALSE(wake.take());
  wake.set();
  wake.set();
  EXPECT_TRUE(is_readable(wake.descriptor()));
  EXPECT_TRUE(wake.take());
  EXPECT_FALSE(wake.take());
}

TEST(Wake, WakesAWaitingThread) {
  const Wake wake;
  const std::jthread other([&] { wake.set(); });
  pollfd event{wake.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 10'000), 1);
}

TEST(SignalWatch, CatchesASignalForAllWatchesAndPutsTheHandlerBackWithTheLast) {
  static volatile std::sig_atomic_t former_calls = 0;
  const auto original = std::signal(SIGINT, [](int) { former_calls = former_calls + 1; });
  {
    const SignalWatch outer;
    {
      const SignalWatch inner;
      EXPECT_EQ(SignalWatch::received(), 0);
      std::raise(SIGINT);
      EXPECT_EQ(SignalWatch::received(), SIGINT);
    }
    EXPECT_TRUE(is_readable(SignalWatch::descriptor()));
    std::raise(SIGINT);
    EXPECT_EQ(former_calls, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(former_calls, 1);
  const SignalWatch fresh;
  EXPECT_EQ(SignalWatch::received(), 0);
  std::signal(SIGINT, original);
}

}  // namespace
}  // namespace gracedb::kafka
