#include "bindings/producer.hpp"

#include "bindings/client.hpp"
#include "bindings/convert.hpp"
#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/mutex.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What confluent_kafka reports as the offset of a message that was not delivered (OFFSET_INVALID).
constexpr std::int64_t no_offset = -1001;
/// How long close() waits for the callbacks that another thread is running.
constexpr milliseconds running_callbacks_timeout{5'000};

/// The message that a delivery callback receives.
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

steady_clock::time_point deadline_after(milliseconds timeout) {
  return steady_clock::now() + (timeout < milliseconds(0) ? std::chrono::hours(24 * 365) : timeout);
}

}  // namespace

/// Delivery reports of one producer. Calls from Python run their callbacks, in order and one at a time.
///
/// The library reports on any of its threads, which must not wait for the GIL. So a report only carries the
/// number of its callback: the Python objects stay here, and only threads with the GIL use and release them.
class DeliveryQueue {
 public:
  using CallbackId = std::uint64_t;

  /// Registers the callback of one message. With the GIL.
  CallbackId add(nb::handle callable, bool has_key) {
    callbacks_.emplace(++last_id_, Callback{nb::borrow(callable), has_key});
    return last_id_;
  }

  /// Releases the callback of a message that was not queued. With the GIL.
  void remove(CallbackId id) { const auto released = callbacks_.extract(id); }

  /// Queues a report. Any thread; does not take the GIL.
  void push(CallbackId id, const kafka::DeliveryReport& report) {
    Report copy{id,
                report.topic,
                report.partition,
                report.offset.value_or(no_offset),
                std::string(report.key),
                std::string(report.value),
                report.error};
    const MutexLock lock(mutex_);
    reports_.push_back(std::move(copy));
    size_ = reports_.size();
    changed_.notify_all();
  }

  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }

  /// True if this thread is running a callback.
  bool is_in_callback() const {
    const MutexLock lock(mutex_);
    return runner_ == std::this_thread::get_id();
  }

  /// Waits for reports that no other thread is running, until `end`. Without the GIL.
  /// @return true if there are any
  bool wait_for_reports(steady_clock::time_point end) const {
    const MutexLock lock(mutex_);
    while (reports_.empty() || runner_ != std::thread::id()) {
      if (!changed_.wait_until(mutex_, end) && steady_clock::now() >= end) return false;
    }
    return true;
  }

  /// Waits until no other thread runs callbacks. Without the GIL.
  void wait_until_idle(steady_clock::time_point deadline) const {
    while (!is_idle(std::min(deadline, steady_clock::now() + interruption::longest_wait)) &&
           steady_clock::now() < deadline) {
      interruption::check();
    }
  }

  /// Runs the callbacks of the reports that are queued now, unless a callback is running already. With the
  /// GIL. Keeps the first exception for rethrow_error().
  /// @return the number of callbacks
  /// @throws nanobind::python_error  a callback raised no Exception, but KeyboardInterrupt for instance
  std::size_t run_callbacks() {
    if (size() == 0) return 0;
    Running running(*this);
    std::size_t count = 0;
    while (auto report = running.next()) {
      ++count;
      run_callback(std::move(*report));
    }
    return count;
  }

  /// Raises the first exception of a callback since the last time; not inside another callback. With the GIL.
  void rethrow_error() {
    if (error_ && !is_in_callback()) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  struct Callback {
    nb::object callable;
    bool has_key;
  };

  struct Report {
    CallbackId id;
    std::string topic;
    std::int32_t partition;
    std::int64_t offset;
    std::string key;
    std::string value;
    std::optional<KafkaMessageDeliveryError> error;
  };

  /// While it lives, this thread alone runs callbacks.
  class Running {
   public:
    explicit Running(DeliveryQueue& queue) : queue_(queue) {
      const MutexLock lock(queue.mutex_);
      if (queue.runner_ != std::thread::id()) return;
      queue.runner_ = std::this_thread::get_id();
      left_ = queue.reports_.size();
      is_runner_ = true;
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      if (!is_runner_) return;
      const MutexLock lock(queue_.mutex_);
      queue_.runner_ = std::thread::id();
      queue_.changed_.notify_all();
    }

    /// The next of the reports that were queued at the beginning: a callback may produce more without end.
    std::optional<Report> next() {
      if (left_ == 0) return std::nullopt;
      --left_;
      const MutexLock lock(queue_.mutex_);
      std::optional<Report> report(std::move(queue_.reports_.front()));
      queue_.reports_.pop_front();
      queue_.size_ = queue_.reports_.size();
      return report;
    }

   private:
    DeliveryQueue& queue_;
    std::size_t left_ = 0;
    bool is_runner_ = false;
  };

  bool is_idle(steady_clock::time_point end) const {
    const MutexLock lock(mutex_);
    while (runner_ != std::thread::id()) {
      if (!changed_.wait_until(mutex_, end) && steady_clock::now() >= end) return false;
    }
    return true;
  }

  void run_callback(Report report) {
    const auto callback = callbacks_.extract(report.id);
    if (callback.empty()) return;
    std::optional<std::string> key;
    if (callback.mapped().has_key) key = std::move(report.key);
    try {
      const nb::object error =
          report.error ? hang_if_unwound([&] { return to_python(*report.error); }) : nb::none();
      const nb::object message =
          nb::cast(DeliveredMessage{std::move(report.topic), report.partition, report.offset, std::move(key),
                                    std::move(report.value), error});
      hang_if_unwound([&] { callback.mapped().callable(error, message); });
    } catch (nb::python_error& raised) {
      if (!raised.matches(PyExc_Exception)) throw;
      if (!error_) error_ = std::current_exception();
    }
  }

  // Only used with the GIL.
  std::unordered_map<CallbackId, Callback> callbacks_;
  CallbackId last_id_ = 0;
  std::exception_ptr error_;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::deque<Report> reports_ GUARDED_BY(mutex_);
  std::thread::id runner_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> size_{0};
};

namespace {

/// Releases the callback of a message, unless the message was queued.
class RegisteredCallback {
 public:
  RegisteredCallback(DeliveryQueue& queue, nb::handle callable, bool has_key) : queue_(queue) {
    if (callable.is_none()) return;
    if (PyCallable_Check(callable.ptr()) == 0) throw nb::type_error("on_delivery must be callable");
    id_ = queue.add(callable, has_key);
  }
  RegisteredCallback(const RegisteredCallback&) = delete;
  RegisteredCallback& operator=(const RegisteredCallback&) = delete;
  ~RegisteredCallback() {
    if (id_) queue_.remove(*id_);
  }

  /// What the library calls; small enough for std::function to hold it without an allocation.
  kafka::DeliveryCallback function() const {
    if (!id_) return {};
    return [queue = &queue_, id = *id_](const kafka::DeliveryReport& report) { queue->push(id, report); };
  }
  void message_was_queued() noexcept { id_.reset(); }

 private:
  DeliveryQueue& queue_;
  std::optional<DeliveryQueue::CallbackId> id_;
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
  read_common_options(options, arguments, kafka_config, callable);
  options.topic = optional_text(arguments["topic"], "topic");
  options.flush_timeout = timeout_from(nb::cast<double>(arguments["flush_timeout"]));
  options.guaranteed_delivery = nb::cast<bool>(arguments["guaranteed_delivery"]);
  return std::make_unique<PyProducer>(construct_interruptibly<kafka::Producer>(std::move(options)),
                                      std::move(callable));
}

}  // namespace

PyProducer::PyProducer(std::unique_ptr<kafka::Producer> producer, std::shared_ptr<OAuthCallable> callable)
    : oauth_callable_(std::move(callable)),
      deliveries_(std::make_unique<DeliveryQueue>()),
      producer_(std::move(producer)) {}

PyProducer::~PyProducer() {
  if (producer_.is_inherited()) {
    // A thread that this process does not have may have held the queue's mutex at the fork().
    static_cast<void>(deliveries_.release());
    return;
  }
  const nb::error_scope current_error;
  try {
    producer_.reset();
    deliveries_->run_callbacks();
    deliveries_->rethrow_error();
  } catch (nb::python_error& error) {
    error.discard_as_unraisable("a delivery callback of gracedb_kafka");
  }
}

kafka::Producer& PyProducer::get() const {
  if (producer_.is_inherited()) {
    throw KafkaProducerError(
        "this producer was created before fork() and cannot be used in the child process; create one in each "
        "process");
  }
  return *producer_;
}

void PyProducer::refuse_in_callback(const char* method) const {
  if (deliveries_->is_in_callback()) {
    throw KafkaProducerError(
        std::string(method) +
        "() would wait for the delivery callback that calls it; call it after the callback");
  }
}

/// Runs a blocking call of the library; callbacks run while it waits.
template <typename Call>
auto PyProducer::call_with_callbacks(Call&& call) {
  return without_gil(std::forward<Call>(call), [this] { deliveries_->run_callbacks(); });
}

void PyProducer::produce(nb::handle value, nb::handle topic, nb::handle key, nb::handle headers,
                         nb::handle partition, nb::handle on_delivery) {
  kafka::ProduceOptions options;
  options.topic = optional_text(topic, "topic");
  if (!key.is_none()) options.key = text_or_bytes(key, "key");
  options.headers = headers_from(headers);
  if (!partition.is_none()) options.partition = partition_from(partition);
  kafka::Payload payload(message_value(value));
  kafka::Producer& producer = get();
  RegisteredCallback callback(*deliveries_, on_delivery, options.key.has_value());
  options.on_delivery = callback.function();
  call_with_callbacks([&] { producer.produce(std::move(payload), std::move(options)); });
  callback.message_was_queued();
  deliveries_->run_callbacks();
  deliveries_->rethrow_error();
}

std::size_t PyProducer::poll(double timeout) {
  // The library's poll() looks at the connection and does not wait: waiting for a report is done here.
  constexpr milliseconds slice{10};
  const auto deadline = deadline_after(timeout_from(timeout));
  kafka::Producer& producer = get();
  refuse_in_callback("poll");
  std::size_t count = 0;
  do {
    without_gil([&] {
      producer.poll(milliseconds(0));
      while (!deliveries_->wait_for_reports(std::min(deadline, steady_clock::now() + slice)) &&
             steady_clock::now() < deadline) {
        interruption::check();
        producer.poll(milliseconds(0));
      }
    });
    count = deliveries_->run_callbacks();
    deliveries_->rethrow_error();
  } while (count == 0 && steady_clock::now() < deadline);
  return count;
}

std::size_t PyProducer::flush(double timeout, bool strict) {
  const auto deadline = deadline_after(timeout_from(timeout));
  kafka::Producer& producer = get();
  refuse_in_callback("flush");
  std::size_t pending = 0;
  std::size_t count = 0;
  do {
    try {
      pending = call_with_callbacks([&] { return producer.flush(time_left(deadline), strict); });
    } catch (const KafkaMessageDeliveryError&) {  // only with `strict`
      deliveries_->run_callbacks();
      deliveries_->rethrow_error();
      throw;
    }
    without_gil([&] { deliveries_->wait_until_idle(deadline); });
    count = deliveries_->run_callbacks();
  } while (count > 0 && pending == 0 && steady_clock::now() < deadline);  // a callback may have produced
  deliveries_->rethrow_error();
  return pending_messages();
}

std::size_t PyProducer::close(double timeout) {
  const auto limit = timeout_from(timeout);
  kafka::Producer& producer = get();
  refuse_in_callback("close");
  std::size_t lost = 0;
  std::exception_ptr interruption;
  try {
    lost = call_with_callbacks([&] { return producer.close(limit); });
  } catch (const std::exception&) {
    interruption = std::current_exception();
  }
  without_gil([&] { deliveries_->wait_until_idle(deadline_after(running_callbacks_timeout)); });
  deliveries_->run_callbacks();
  oauth_callable_->clear();
  if (interruption) std::rethrow_exception(interruption);
  deliveries_->rethrow_error();
  return lost;
}

nb::dict PyProducer::ping(nb::handle topic, double timeout) {
  const auto pipeline = optional_text(topic, "topic");
  const auto limit = timeout_from(timeout);
  kafka::Producer& producer = get();
  const kafka::PingResult result = call_with_callbacks([&] { return producer.ping(pipeline, limit); });
  deliveries_->run_callbacks();
  deliveries_->rethrow_error();
  nb::dict dict;
  dict["topic"] = result.topic;
  dict["partition"] = result.partition;
  dict["offset"] = result.offset;
  dict["message"] = JsonReader().read(result.message).value_or(nb::none());
  return dict;
}

std::size_t PyProducer::pending_messages() {
  const kafka::Producer& producer = get();
  return without_gil([&] { return producer.pending_messages(); }) + deliveries_->size();
}

void bind_producer(nb::module_& module) {
  nb::class_<DeliveredMessage>(module, "DeliveredMessage",
                               "The message that a delivery callback receives; its parts are methods.")
      .def(
          "topic", [](const DeliveredMessage& self) { return self.topic; },
          "The topic with the instance name, e.g. 'gracedb-test.gstlal'.")
      .def(
          "partition", [](const DeliveredMessage& self) { return self.partition; },
          "The partition, or -1 if none was chosen.")
      .def(
          "offset", [](const DeliveredMessage& self) { return self.offset; },
          "The offset on the partition, or -1001 if the message was not delivered.")
      .def("key", &DeliveredMessage::key_bytes, nb::sig("def key(self) -> bytes | None"),
           "The key as bytes, or None.")
      .def("value", &DeliveredMessage::value_bytes, nb::sig("def value(self) -> bytes"),
           "The bytes that were sent.")
      .def(
          "error", [](const DeliveredMessage& self) { return self.error; },
          "None, or the KafkaMessageDeliveryError that ended the delivery.")
      .def("__len__", [](const DeliveredMessage& self) { return self.value.size(); });

  nb::class_<PyProducer>(module, "Producer", nb::type_slots(gc_slots<PyProducer>))
      .def(nb::new_(&make_producer), "arguments"_a, "kafka_config"_a, "oauth_cb"_a.none())
      .def("produce", &PyProducer::produce, "value"_a.none(), "topic"_a.none(), "key"_a.none(),
           "headers"_a.none(), "partition"_a.none(), "on_delivery"_a.none())
      .def("poll", &PyProducer::poll, "timeout"_a)
      .def("flush", &PyProducer::flush, "timeout"_a, "strict"_a)
      .def("close", &PyProducer::close, "timeout"_a)
      .def("ping", &PyProducer::ping, "topic"_a.none(), "timeout"_a)
      .def("pending_messages", &PyProducer::pending_messages)
      .def_prop_ro("instance_name", [](PyProducer& self) { return self.get().instance_name(); });
}

}  // namespace gracedb::python
