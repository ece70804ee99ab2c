#pragma once

#include "gracedb/kafka/producer.hpp"

#include "bindings/client.hpp"
#include "bindings/runtime.hpp"

#include <nanobind/nanobind.h>

#include <cstddef>
#include <memory>
#include <string>

namespace gracedb::python {

class DeliveryQueue;

/// The Producer class of Python. Delivery callbacks of Python run with the GIL on the thread that is in
/// produce(), poll(), flush(), close() or ping(), never on a thread of the library.
class PyProducer {
 public:
  PyProducer(std::unique_ptr<kafka::Producer> producer, std::shared_ptr<OAuthCallable> callable);
  PyProducer(const PyProducer&) = delete;
  PyProducer& operator=(const PyProducer&) = delete;
  /// Closes the producer, and runs the remaining callbacks.
  ~PyProducer();

  void produce(nb::handle value, nb::handle topic, nb::handle key, nb::handle headers, nb::handle partition,
               nb::handle on_delivery);
  std::size_t poll(double timeout);
  std::size_t flush(double timeout, bool strict);
  std::size_t close(double timeout);
  nb::dict ping(nb::handle topic, double timeout);
  /// Messages queued or in flight, and reports whose callback has not run.
  std::size_t pending_messages();

  /// The C++ producer.
  /// @throws KafkaProducerError  the parent process created it
  kafka::Producer& get() const;

  OAuthCallable& oauth_callable() noexcept { return *oauth_callable_; }

 private:
  template <typename Call>
  auto call_with_callbacks(Call&& call);
  void refuse_in_callback(const char* method) const;

  std::shared_ptr<OAuthCallable> oauth_callable_;
  std::unique_ptr<DeliveryQueue> deliveries_;
  ForkGuarded<kafka::Producer> producer_;
};

}  // namespace gracedb::python
