#pragma once

#include "gracedb/kafka/producer.hpp"

#include "bindings/auth.hpp"
#include "bindings/call.hpp"

#include <nanobind/nanobind.h>

#include <cstddef>
#include <memory>
#include <string>

namespace gracedb::python {

/// A Producer as Python sees it.
class PyProducer {
 public:
  PyProducer(std::unique_ptr<kafka::Producer> producer, std::shared_ptr<OAuthCallable> oauth_cb)
      : oauth_cb_(std::move(oauth_cb)), producer_(std::move(producer)) {}

  void produce(nb::handle value, nb::handle topic, nb::handle key, nb::handle headers, nb::handle partition,
               nb::handle on_delivery);
  nb::dict ping(nb::handle topic, double timeout);
  std::size_t close(double timeout);

  /// The C++ producer.
  /// @throws KafkaProducerError  made before a fork(), in the parent
  kafka::Producer& get() const;

  OAuthCallable& oauth_cb() noexcept { return *oauth_cb_; }

 private:
  std::shared_ptr<OAuthCallable> oauth_cb_;
  Owned<kafka::Producer> producer_;
};

void bind_producer(nb::module_& module);

}  // namespace gracedb::python
