#include "kafka/lookup.hpp"

#include <netdb.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace gracedb::kafka {
namespace {

/// A name server that does not answer keeps a lookup for longer; a program that forks shall not wait for
/// that.
constexpr std::chrono::seconds patience{1};

class Lookups {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }

  void end() {
    const std::lock_guard lock(mutex_);
    if (--under_way_ == 0) none_.notify_all();
  }

  /// Keeps others from beginning.
  void stop() {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, patience, [this] { return under_way_ == 0; });
    static_cast<void>(lock.release());
  }

  void resume() { mutex_.unlock(); }

  void resume_in_child() {
    under_way_ = 0;
    resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int under_way_ = 0;
};

// Never destroyed: librdkafka's threads may look names up until the very end.
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
  const Lookup under_way;
  return ::getaddrinfo(host, service, hints, found);
}

}  // namespace

Lookup::Lookup() { lookups().begin(); }

Lookup::~Lookup() { lookups().end(); }

void look_up_aware_of_forks(rd_kafka_conf_t* config) { rd_kafka_conf_set_resolve_cb(config, &look_up); }

}  // namespace gracedb::kafka
