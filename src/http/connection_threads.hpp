#pragma once

#include "core/helpers.hpp"

#include <httplib.h>

#include <cstddef>
#include <functional>
#include <utility>

namespace gracedb::http {

/// Threads for the HTTP server: one for each open connection, used again when a connection has ended. A fixed
/// pool would let idle keep-alive connections shut new ones out.
class ConnectionThreads : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(std::size_t most_threads) : threads_(most_threads) {}

  using Enqueued = decltype(std::declval<httplib::TaskQueue>().enqueue({}));  // void before 0.15, then bool
  Enqueued enqueue(std::function<void()> connection) override {
    threads_.run(std::move(connection));
    return Enqueued(true);
  }
  void shutdown() override { threads_.finish(); }

 private:
  Helpers threads_;
};

}  // namespace gracedb::http
