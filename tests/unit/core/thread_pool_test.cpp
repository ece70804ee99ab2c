#include "core/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace gracedb {
namespace {

TEST(ThreadPool, CompletesAllWorkOnAtMostTheAllowedThreads) {
  std::atomic<int> done{0};
  std::mutex mutex;
  std::set<std::thread::id> threads;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 50; ++i) {
      pool.run([&] {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
        ++done;
      });
    }
  }
  EXPECT_EQ(done, 50);
  EXPECT_LE(threads.size(), 3U);
}

}  // namespace
}  // namespace gracedb
