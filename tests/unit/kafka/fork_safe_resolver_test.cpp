#include "kafka/fork_safe_resolver.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;

/// Forks; the child does `work` and ends.
template <typename Work>
int status_of_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(ForkSafeResolver, ForkWaitsForALookup) {
  std::promise<void> begun;
  std::atomic<bool> is_over{false};
  std::jthread thread([&] {
    const LookupGuard guard;
    begun.set_value();
    std::this_thread::sleep_for(100ms);  // whether the other thread is in fork() cannot be seen
    is_over = true;
  });
  begun.get_future().wait();
  EXPECT_EQ(status_of_child([] {}), 0);
  EXPECT_TRUE(is_over);
}

TEST(ForkSafeResolver, ForkWaitsOneSecondAndTheChildNotAtAll) {
  const LookupGuard guard;
  EXPECT_EQ(status_of_child([] {
              const auto begin = std::chrono::steady_clock::now();
              const int status = status_of_child([] {});
              const bool waited = std::chrono::steady_clock::now() - begin > 900ms;
              ::_exit(status != 0 || waited ? 1 : 0);
            }),
            0);
}

}  // namespace
}  // namespace gracedb::kafka
