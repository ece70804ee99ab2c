#include "kafka/fork_safe_resolver.hpp"

#include <netdb.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace gracedb::kafka {
namespace {

/// fork() waits at most this long: a name server that does not answer delays a lookup for longer.
constexpr std::chrono::seconds fork_timeout{1};

class Lookups {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++running_;
  }

  void end() {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) none_.notify_all();
  }

  /// Prevents new lookups.
  void stop() {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, fork_timeout, [this] { return running_ == 0; });
    static_cast<void>(lock.release());
  }

  void resume() { mutex_.unlock(); }

  void resume_in_child() {
    running_ = 0;
    resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int running_ = 0;
};

// Never destroyed: librdkafka's threads may resolve names while static objects are destroyed.
Lookups& lookups() {
  static Lookups& instance = *[] {
    auto made = std::make_unique<Lookups>().release();
    pthread_atfork([] { lookups().stop(); }, [] { lookups().resume(); }, [] { lookups().resume_in_child(); });
    return made;
  }();
  return instance;
}

int look_up(const char* host, const char* service, const addrinfo* hints, addrinfo** found, void*) {
  if (host == nullptr && service == nullptr && hints == nullptr) {
    ::freeaddrinfo(*found);
    return 0;
  }
  const LookupGuard guard;
  return ::getaddrinfo(host, service, hints, found);
}

}  // namespace

LookupGuard::LookupGuard() { lookups().begin(); }

LookupGuard::~LookupGuard() { lookups().end(); }

void use_fork_safe_resolver(rd_kafka_conf_t* config) { rd_kafka_conf_set_resolve_cb(config, &look_up); }

}  // namespace gracedb::kafka
