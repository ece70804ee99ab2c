#include "gracedb/kafka/consumer.hpp"

#include "bindings/client.hpp"
#include "bindings/convert.hpp"
#include "bindings/runtime.hpp"
#include "core/interruption.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix

/// Builds the dicts that poll() returns.
class MessageDictBuilder {
 public:
  nb::object build(const kafka::Message& message) {
    nb::dict dict;
    dict[topic_key_] = topic(message.topic);
    dict[partition_key_] = message.partition;
    dict[offset_key_] = message.offset;
    dict[key_key_] = message.key ? str_or_bytes(*message.key) : nb::none();
    dict[value_key_] = value(message.value);
    dict[timestamp_key_] = timestamp(message);
    dict[headers_key_] = headers(message.headers);
    return dict;
  }

 private:
  nb::object topic(const std::string& name) {
    if (!topic_.is_valid() || topic_name_ != name) {
      topic_ = nb::cast(name);
      topic_name_ = name;
    }
    return topic_;
  }

  nb::object value(const std::string& bytes) {
    if (auto json = json_.read(bytes)) return std::move(*json);
    return str_or_bytes(bytes);
  }

  static nb::object timestamp(const kafka::Message& message) {
    if (!message.timestamp) return nb::none();
    const auto since_epoch = message.timestamp->time_since_epoch();
    return nb::cast(std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
  }

  static nb::object headers(const kafka::Headers& headers) {
    if (headers.empty()) return nb::none();
    nb::dict dict;
    for (const auto& [name, bytes] : headers)
      dict[str_or_bytes(name)] = nb::bytes(bytes.data(), bytes.size());
    return dict;
  }

  static nb::object interned(const char* text) { return nb::steal(PyUnicode_InternFromString(text)); }

  const nb::object topic_key_ = interned("topic");
  const nb::object partition_key_ = interned("partition");
  const nb::object offset_key_ = interned("offset");
  const nb::object key_key_ = interned("key");
  const nb::object value_key_ = interned("value");
  const nb::object timestamp_key_ = interned("timestamp");
  const nb::object headers_key_ = interned("headers");
  std::string topic_name_;
  nb::object topic_;
  JsonReader json_;
};

/// The Consumer class of Python. kafka::Consumer is for one thread, so calls of several threads take turns.
class PyConsumer {
  /// @throws KafkaConsumerError  the parent process created it
  kafka::Consumer& get() const {
    if (consumer_.is_inherited()) {
      throw KafkaConsumerError(
          "this consumer was created before fork() and cannot be used in the child process; create one in "
          "each "
          "process");
    }
    return *consumer_;
  }

  template <typename Call>
  auto call(Call&& call) {
    kafka::Consumer& consumer = get();
    return without_gil([&] {
      const auto lock = lock_consumer();
      if (closed_) throw KafkaConsumerError("the consumer is closed");
      return std::forward<Call>(call)(consumer);
    });
  }

 public:
  PyConsumer(std::unique_ptr<kafka::Consumer> consumer, std::shared_ptr<OAuthCallable> callable)
      : oauth_callable_(std::move(callable)), consumer_(std::move(consumer)) {}

  nb::object poll(double timeout) {
    const auto limit = timeout_from(timeout);
    const auto message = call([&](kafka::Consumer& consumer) { return consumer.poll(limit); });
    return message ? dicts_.build(*message) : nb::none();
  }

  nb::list poll_batch(std::size_t max_messages, double timeout) {
    const auto limit = timeout_from(timeout);
    const auto batch =
        call([&](kafka::Consumer& consumer) { return consumer.poll_batch(max_messages, limit); });
    nb::list dicts;
    for (const kafka::Message& message : batch)
      dicts.append(dicts_.build(message));
    return dicts;
  }

  void subscribe(const std::vector<std::string>& topics) {
    call([&](kafka::Consumer& consumer) { consumer.subscribe(topics); });
  }

  void stop() { get().wakeup(); }
  void forget_current() {
    call([](kafka::Consumer& consumer) { consumer.forget_current(); });
  }
  void commit() {
    call([](kafka::Consumer& consumer) { consumer.commit(); });
  }
  void commit_positions(const std::vector<kafka::TopicPartition>& positions) {
    call([&](kafka::Consumer& consumer) { consumer.commit(positions); });
  }

  /// First ends the current call of another thread.
  void close(double timeout) {
    const auto limit = timeout_from(timeout);
    kafka::Consumer& consumer = get();
    closed_ = true;
    consumer.wakeup();
    without_gil([&] {
      const auto lock = lock_consumer();
      consumer.close(limit);
    });
    oauth_callable_->clear();
  }

  OAuthCallable& oauth_callable() noexcept { return *oauth_callable_; }

  std::string group_id() const { return get().group_id(); }
  std::string instance_name() const { return get().instance_name(); }

 private:
  std::unique_lock<std::recursive_timed_mutex> lock_consumer() {
    std::unique_lock lock(mutex_, std::defer_lock);
    while (!lock.try_lock_for(interruption::longest_wait))
      interruption::check();
    return lock;
  }

  /// Recursive, because a Python signal handler may call the consumer that it interrupts.
  std::recursive_timed_mutex mutex_;
  std::atomic<bool> closed_{false};
  MessageDictBuilder dicts_;
  std::shared_ptr<OAuthCallable> oauth_callable_;
  ForkGuarded<kafka::Consumer> consumer_;
};

std::unique_ptr<PyConsumer> make_consumer(const nb::dict& arguments, const nb::dict& kafka_config,
                                          nb::handle oauth_cb) {
  auto callable = std::make_shared<OAuthCallable>(oauth_cb);
  kafka::ConsumerOptions options;
  read_common_options(options, arguments, kafka_config, callable);
  options.topics = nb::cast<std::vector<std::string>>(arguments["topics"]);
  options.group_id = optional_text(arguments["group_id"], "group_id");
  options.auto_offset_reset = optional_text(arguments["auto_offset_reset"], "auto_offset_reset").value_or("");
  return std::make_unique<PyConsumer>(construct_interruptibly<kafka::Consumer>(std::move(options)),
                                      std::move(callable));
}

std::vector<kafka::TopicPartition> positions_from(
    const std::vector<std::tuple<std::string, std::int32_t, std::int64_t>>& positions) {
  std::vector<kafka::TopicPartition> result;
  result.reserve(positions.size());
  for (const auto& [topic, partition, offset] : positions)
    result.push_back({topic, partition, offset});
  return result;
}

}  // namespace

void bind_consumer(nb::module_& module) {
  nb::class_<PyConsumer>(module, "Consumer", nb::type_slots(gc_slots<PyConsumer>))
      .def(nb::new_(&make_consumer), "arguments"_a, "kafka_config"_a, "oauth_cb"_a.none())
      .def("poll", &PyConsumer::poll, "timeout"_a)
      .def("poll_batch", &PyConsumer::poll_batch, "max_messages"_a, "timeout"_a)
      .def("subscribe", &PyConsumer::subscribe, "topics"_a)
      .def("stop", &PyConsumer::stop)
      .def("forget_current", &PyConsumer::forget_current)
      .def("commit", &PyConsumer::commit)
      .def("commit_positions",
           [](PyConsumer& self,
              const std::vector<std::tuple<std::string, std::int32_t, std::int64_t>>& positions) {
             self.commit_positions(positions_from(positions));
           })
      .def("close", &PyConsumer::close, "timeout"_a)
      .def_prop_ro("group_id", &PyConsumer::group_id)
      .def_prop_ro("instance_name", &PyConsumer::instance_name);
}

}  // namespace gracedb::python
