#include "bindings/making.hpp"

#include <csignal>
#include <mutex>
#include <vector>

namespace gracedb::python {
namespace {

class AbandonedThreads {
 public:
  void add(std::jthread thread) {
    const std::lock_guard lock(mutex_);
    if (generation_ != fork_generation()) forget();
    threads_.push_back(std::move(thread));
  }

  void join() {
    const std::lock_guard lock(mutex_);
    if (generation_ != fork_generation()) forget();
    threads_.clear();
  }

 private:
  /// Those of the parent do not exist in the child of a fork().
  void forget() {
    for (std::jthread& thread : threads_)
      thread.detach();
    threads_.clear();
    generation_ = fork_generation();
  }

  std::mutex mutex_;
  std::vector<std::jthread> threads_;
  unsigned generation_ = fork_generation();
};

AbandonedThreads& threads() {
  static AbandonedThreads instance;
  return instance;
}

}  // namespace

void abandon(std::jthread thread) { threads().add(std::move(thread)); }

void block_signals() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void bind_making(nb::module_& module) {
  module.def("join_abandoned", [] {
    const ReleasedGil released;
    threads().join();
  });
  nb::module_::import_("atexit").attr("register")(module.attr("join_abandoned"));
}

}  // namespace gracedb::python
