#include "common/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

namespace gracedb::programs {
namespace {

using namespace std::chrono_literals;

// Each case ends its own process, as a program would; the death test looks at what is left of it.
class SignalWatchDeathTest : public testing::Test {
 protected:
  SignalWatchDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

[[noreturn]] void wait_for_end() {
  std::this_thread::sleep_for(20s);
  ::_exit(99);
}

TEST_F(SignalWatchDeathTest, EndsTheProcessAtOnceWhereNobodyAskedToBeTold) {
  const auto program = [] {
    const SignalWatch watch("prog", [] { return false; });
    ::kill(::getpid(), SIGTERM);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(143), "prog: interrupted");
}

TEST_F(SignalWatchDeathTest, SaysTheNoticeItWasGiven) {
  const auto program = [] {
    SignalWatch watch("prog", [] { return false; });
    watch.set_notice("T0001 is submitted");
    ::kill(::getpid(), SIGINT);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "prog: T0001 is submitted");
}

TEST_F(SignalWatchDeathTest, TellsWhoAskedAndLetsTheProcessEndByItself) {
  const auto program = [] {
    SignalWatch watch("prog", [] { return false; });
    std::promise<void> told;
    const auto registration = watch.on_signal([&told] { told.set_value(); }, 20s);
    ::kill(::getpid(), SIGINT);
    told.get_future().wait();
    ::_exit(watch.received() == SIGINT ? static_cast<int>(watch.exit_code()) : 1);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "");
}

TEST_F(SignalWatchDeathTest, EndsAProcessThatDoesNotEndInItsTime) {
  const auto program = [] {
    SignalWatch watch("prog", [] { return false; });
    const auto registration = watch.on_signal([] {}, 50ms);
    ::kill(::getpid(), SIGINT);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "");
}

TEST_F(SignalWatchDeathTest, EndsTheProcessAtASecondSignal) {
  const auto program = [] {
    SignalWatch watch("prog", [] { return false; });
    const auto registration = watch.on_signal([] { ::kill(::getpid(), SIGTERM); }, 20s);
    ::kill(::getpid(), SIGINT);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(143), "");
}

TEST_F(SignalWatchDeathTest, LetsAWriteUnderWayFinish) {
  const auto program = [] {
    std::atomic<bool> writing{true};
    SignalWatch watch("prog", [&writing] { return writing.load(); });
    const auto registration = watch.on_signal([] {}, 10ms);
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(200ms);
    [[maybe_unused]] const auto count = ::write(STDERR_FILENO, "whole", 5);
    writing = false;
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "whole");
}

TEST(SignalWatch, PutsTheSignalMaskBack) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    const SignalWatch watch("prog", [] { return false; });
  }
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
}

}  // namespace
}  // namespace gracedb::programs
