#include "bindings/producer.hpp"

#include "bindings/client_options.hpp"
#include "bindings/convert.hpp"
#include "bindings/errors.hpp"
#include "bindings/json.hpp"
#include "bindings/making.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <optional>
#include <utility>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix

/// What a delivery callback is told of its message.
struct DeliveredMessage {
  std::string topic;
  std::int32_t partition;
  std::int64_t offset;
  std::optional<std::string> key;
  std::string value;
  nb::object error;

  nb::object key_bytes() const { return key ? nb::object(nb::bytes(key->data(), key->size())) : nb::none(); }
  nb::object value_bytes() const { return nb::bytes(value.data(), value.size()); }
};

/// A Python callable that is called and let go on whatever thread serves the producer.
class DeliveryCall {
 public:
  DeliveryCall(nb::handle callable, bool has_key) : callable_(nb::borrow(callable)), has_key_(has_key) {}
  DeliveryCall(const DeliveryCall&) = delete;
  DeliveryCall& operator=(const DeliveryCall&) = delete;
  ~DeliveryCall() {
    if (const nb::detail::cleanup_guard gil{}) {
      callable_.reset();
    } else {
      static_cast<void>(callable_.release());  // the interpreter is gone
    }
  }

  void operator()(const kafka::DeliveryReport& report) const {
    const nb::gil_scoped_acquire gil;
    if (!gil.is_valid()) return;
    const nb::object error = report.error ? to_python(*report.error) : nb::none();
    in_python([&] {
      callable_(error, DeliveredMessage{report.topic, report.partition, report.offset,
                                        has_key_ ? std::optional(std::string(report.key)) : std::nullopt,
                                        std::string(report.value), error});
    });
  }

 private:
  nb::object callable_;
  bool has_key_;
};

std::int32_t partition_from(nb::handle partition) {
  std::int32_t number = 0;
  if (!nb::try_cast(partition, number)) throw nb::type_error("partition must be an int");
  return number;
}

std::unique_ptr<PyProducer> make_producer(const nb::dict& arguments, const nb::dict& kafka_config,
                                          nb::handle oauth_cb) {
  auto callable = std::make_shared<OAuthCallable>(oauth_cb);
  kafka::ProducerOptions options;
  read_common(options, arguments, kafka_config, callable);
  options.topic = optional_text(arguments["topic"], "topic");
  options.flush_timeout = from_seconds(nb::cast<double>(arguments["flush_timeout"]));
  options.guaranteed_delivery = nb::cast<bool>(arguments["guaranteed_delivery"]);
  return std::make_unique<PyProducer>(make_apart<kafka::Producer>(std::move(options)), std::move(callable));
}

}  // namespace

kafka::Producer& PyProducer::get() const {
  if (producer_.is_foreign()) {
    throw KafkaProducerError(
        "this producer was made before fork() and cannot be used in the child; make one in each process");
  }
  return *producer_;
}

void PyProducer::produce(nb::handle value, nb::handle topic, nb::handle key, nb::handle headers,
                         nb::handle partition, nb::handle on_delivery) {
  kafka::ProduceOptions options;
  options.topic = optional_text(topic, "topic");
  if (!key.is_none()) options.key = text_or_bytes(key, "key");
  options.headers = headers_from(headers);
  if (!partition.is_none()) options.partition = partition_from(partition);
  if (!on_delivery.is_none()) {
    if (PyCallable_Check(on_delivery.ptr()) == 0) throw nb::type_error("on_delivery must be callable");
    options.on_delivery = [call = std::make_shared<DeliveryCall>(on_delivery, options.key.has_value())](
                              const kafka::DeliveryReport& report) { (*call)(report); };
  }
  kafka::Payload payload(message_value(value));
  kafka::Producer& producer = get();
  waiting([&] { producer.produce(std::move(payload), std::move(options)); });
}

std::size_t PyProducer::close(double timeout) {
  const auto limit = from_seconds(timeout);
  kafka::Producer& producer = get();
  const std::size_t lost = waiting([&] { return producer.close(limit); });
  oauth_cb_->forget();
  return lost;
}

nb::dict PyProducer::ping(nb::handle topic, double timeout) {
  const auto to = optional_text(topic, "topic");
  const auto limit = from_seconds(timeout);
  kafka::Producer& producer = get();
  const kafka::PingResult result = waiting([&] { return producer.ping(to, limit); });
  nb::dict told;
  told["topic"] = result.topic;
  told["partition"] = result.partition;
  told["offset"] = result.offset;
  told["message"] = JsonReader().read(result.message).value_or(nb::none());
  return told;
}

void bind_producer(nb::module_& module) {
  nb::class_<DeliveredMessage>(module, "DeliveredMessage",
                               "A message as its delivery callback is told of it; every part is a method.")
      .def(
          "topic", [](const DeliveredMessage& self) { return self.topic; },
          "The topic with the instance name, e.g. 'gracedb-test.gstlal'.")
      .def(
          "partition", [](const DeliveredMessage& self) { return self.partition; }, "Its number, or -1.")
      .def(
          "offset", [](const DeliveredMessage& self) { return self.offset; },
          "Where the message stands on its partition, or -1001.")
      .def("key", &DeliveredMessage::key_bytes, nb::sig("def key(self) -> bytes | None"),
           "The key as bytes, or None.")
      .def("value", &DeliveredMessage::value_bytes, nb::sig("def value(self) -> bytes"),
           "The bytes that were sent.")
      .def(
          "error", [](const DeliveredMessage& self) { return self.error; },
          "None, or the KafkaMessageDeliveryError that says why it was not delivered.")
      .def("__len__", [](const DeliveredMessage& self) { return self.value.size(); });

  nb::class_<PyProducer>(module, "Producer", nb::type_slots(slots_for_oauth_callable<PyProducer>))
      .def(nb::new_(&make_producer), "arguments"_a, "kafka_config"_a, "oauth_cb"_a.none())
      .def("produce", &PyProducer::produce, "value"_a.none(), "topic"_a.none(), "key"_a.none(),
           "headers"_a.none(), "partition"_a.none(), "on_delivery"_a.none())
      .def("poll",
           [](PyProducer& self, double timeout) {
             const auto limit = from_seconds(timeout);
             kafka::Producer& producer = self.get();
             return waiting([&] { return producer.poll(limit); });
           })
      .def("flush",
           [](PyProducer& self, double timeout, bool strict) {
             const auto limit = from_seconds(timeout);
             kafka::Producer& producer = self.get();
             return waiting([&] { return producer.flush(limit, strict); });
           })
      .def("close", &PyProducer::close, "timeout"_a)
      .def("ping", &PyProducer::ping, "topic"_a.none(), "timeout"_a)
      .def("pending_messages",
           [](PyProducer& self) {
             const kafka::Producer& producer = self.get();
             return waiting([&] { return producer.pending_messages(); });
           })
      .def_prop_ro("instance_name", [](PyProducer& self) { return self.get().instance_name(); });
}

}  // namespace gracedb::python
