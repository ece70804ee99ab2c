#pragma once

#include "bindings/call.hpp"
#include "core/interruption.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

namespace gracedb::python {

/// What a client meets on its thread when nobody waits for it any more.
class Abandoned {};

/// Takes over a thread that ends by itself before long. The interpreter's end waits for it.
void abandon(std::jthread thread);

/// Keeps signals for the threads that Python knows.
void block_signals() noexcept;

/// Makes a client, which may ask a broker for its topics. librdkafka cannot be interrupted in that, so it
/// happens on a thread of its own; after Ctrl-C the client is let go there, as soon as that can be.
template <typename Client, typename Options>
std::unique_ptr<Client> make_apart(Options options) {
  return waiting([&] {
    count_from_here_as_logged_by_call();
    std::promise<std::unique_ptr<Client>> promise;
    auto made = promise.get_future();
    std::jthread thread(
        [options = std::move(options), promise = std::move(promise)](const std::stop_token& stop) mutable {
          block_signals();
          const Interruptible interruptible([&stop] {
            if (stop.stop_requested()) throw Abandoned();
          });
          try {
            promise.set_value(std::make_unique<Client>(std::move(options)));
          } catch (...) {
            promise.set_exception(std::current_exception());
          }
        });
    try {
      while (made.wait_for(interruption::longest_wait) == std::future_status::timeout)
        interruption::check();
    } catch (...) {
      thread.request_stop();
      abandon(std::move(thread));
      throw;
    }
    return made.get();
  });
}

/// Has the interpreter wait at its end for threads that are abandoned.
void bind_making(nb::module_& module);

}  // namespace gracedb::python
