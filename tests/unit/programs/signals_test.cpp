#include "common/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

namespace gracedb::programs {
namespace {

using namespace std::chrono_literals;

// Each case ends its own process; the death test checks exit code and standard error.
class SignalHandlerDeathTest : public testing::Test {
 protected:
  SignalHandlerDeathTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    // The test may itself run as a background job that ignores SIGINT.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
      std::signal(signal, SIG_DFL);
  }
};

[[noreturn]] void wait_for_end() {
  std::this_thread::sleep_for(20s);  // limit of a test that fails
  ::_exit(99);
}

TEST_F(SignalHandlerDeathTest, EndsTheProcessAndNamesTheSignal) {
  const auto program = [] {
    const SignalHandler handler("prog", [] { return false; });
    ::kill(::getpid(), SIGTERM);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(143), "prog: stopped by SIGTERM\n");
}

TEST_F(SignalHandlerDeathTest, PrintsTheNotice) {
  const auto program = [] {
    SignalHandler handler("prog", [] { return false; });
    handler.set_notice("while waiting for T0001");
    ::kill(::getpid(), SIGINT);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "prog: stopped by SIGINT while waiting for T0001");
}

TEST_F(SignalHandlerDeathTest, CallsTheCallbackInsteadOfEndingTheProcess) {
  const auto program = [] {
    SignalHandler handler("prog", [] { return false; });
    std::promise<void> called;
    const auto registration = handler.on_signal([&called] { called.set_value(); }, 20s);
    ::kill(::getpid(), SIGINT);
    called.get_future().wait();
    ::_exit(handler.received() == SIGINT ? static_cast<int>(handler.exit_code()) : 1);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "");
}

TEST_F(SignalHandlerDeathTest, EndsTheProcessAfterTheGracePeriod) {
  const auto program = [] {
    SignalHandler handler("prog", [] { return false; });
    const auto registration = handler.on_signal([] {}, 50ms);
    ::kill(::getpid(), SIGINT);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "");
}

TEST_F(SignalHandlerDeathTest, SecondSignalEndsTheProcess) {
  const auto program = [] {
    SignalHandler handler("prog", [] { return false; });
    const auto registration = handler.on_signal([] { ::kill(::getpid(), SIGTERM); }, 20s);
    ::kill(::getpid(), SIGINT);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(143), "");
}

TEST_F(SignalHandlerDeathTest, CompletesAWriteInProgress) {
  const auto program = [] {
    std::atomic<bool> writing{true};
    SignalHandler handler("prog", [&writing] { return writing.load(); });
    const auto registration = handler.on_signal([] {}, 10ms);
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(200ms);
    [[maybe_unused]] const auto count = ::write(STDERR_FILENO, "whole", 5);
    writing = false;
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(130), "whole");
}

TEST_F(SignalHandlerDeathTest, IgnoredSignalsStayIgnored) {
  const auto program = [] {
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
    const SignalHandler handler("prog", [] { return false; });
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGINT);
    ::kill(::getpid(), SIGTERM);
    wait_for_end();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(143), "prog: stopped by SIGTERM\n");
}

TEST(SignalNames, AreThoseOfTheShell) {
  EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
  EXPECT_EQ(signal_name(99), "signal 99");
}

TEST(SignalHandler, RestoresTheSignalMask) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    const SignalHandler handler("prog", [] { return false; });
  }
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
}

}  // namespace
}  // namespace gracedb::programs
