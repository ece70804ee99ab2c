#include "gracedb/kafka/producer.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "core/mutex.hpp"
#include "core/text.hpp"
#include "kafka/config.hpp"
#include "kafka/delivery.hpp"
#include "kafka/delivery_client.hpp"
#include "kafka/librdkafka.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>
#include <utility>

// The path of a message: start() hands it to librdkafka, which sends, retries and at last reports it; the
// polling thread runs its callback and marks it done; wait() and flush() wait for that.
namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds destructor_timeout{5'000};

steady_clock::time_point deadline_after(milliseconds timeout) {
  return steady_clock::now() + (timeout < milliseconds(0) ? std::chrono::hours(24 * 365) : timeout);
}

[[noreturn]] void throw_delivery_error(const std::string& text, const DeliveryResult& result) {
  const bool retriable = is_connection_error(result.code) || result.code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
  if (is_topic_error(result.code))
    throw KafkaTopicError(text, error_code(result.code), false, false, result.may_have_arrived);
  throw KafkaMessageDeliveryError(text, error_code(result.code), retriable, false, result.may_have_arrived);
}

}  // namespace

class Producer::Impl {
 public:
  using StatePtr = std::shared_ptr<DeliveryState>;

  /// Both have the same settings, but librdkafka gives up an event after flush_timeout, another message after
  /// delivery.timeout.ms.
  enum class Kind : std::size_t { event, message };

  explicit Impl(ProducerOptions options);

  StatePtr start(Kind kind, Payload value, ProduceOptions options, bool has_waiter) EXCLUDES(mutex_);
  /// @return false if `deadline` has passed
  bool wait(const DeliveryState& state, steady_clock::time_point deadline) EXCLUDES(mutex_);
  bool is_done(const DeliveryState& state) const EXCLUDES(mutex_);
  /// @throws KafkaProducerError  called from a delivery callback
  void require_own_thread(const char* call) const;
  /// The report of a message that is done.
  DeliveryReport report_of(const DeliveryState& state) const EXCLUDES(mutex_);

  std::size_t poll(milliseconds timeout) EXCLUDES(mutex_);
  std::size_t flush(milliseconds timeout, bool strict) EXCLUDES(mutex_);
  std::size_t close(milliseconds timeout) EXCLUDES(mutex_);
  std::size_t pending() const EXCLUDES(mutex_);
  PingResult ping(const std::optional<std::string>& topic, milliseconds timeout);
  std::vector<TopicInfo> list_topics(milliseconds timeout);

  const ProducerOptions& options() const noexcept { return options_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  std::size_t message_limit() const noexcept { return config_.message_limit; }

 private:
  using ClientPtr = std::shared_ptr<DeliveryClient>;

  ClientPtr client_for(Kind kind) EXCLUDES(clients_mutex_);
  ClientPtr open_client(Kind kind, ClientPtr& failed) EXCLUDES(clients_mutex_);
  std::vector<ClientPtr> clients() const EXCLUDES(clients_mutex_);
  Destination destination_of(ProduceOptions& options) const;
  void complete(std::vector<StatePtr> states) EXCLUDES(mutex_);
  void run_callback(DeliveryState& state, const rd_kafka_message_t& message) noexcept EXCLUDES(mutex_);
  void require_health();
  bool wait_for_room(std::size_t completed, steady_clock::time_point deadline) EXCLUDES(mutex_);
  std::size_t flush_until(steady_clock::time_point deadline) EXCLUDES(mutex_);
  void rethrow_callback_failure() EXCLUDES(mutex_);
  std::string with_last_error(std::string text) const;

  ProducerOptions options_;
  std::string instance_name_;
  std::optional<std::string> default_topic_;
  ProducerConfig config_;
  BrokerHealth health_;

  // Lock order: clients_mutex_ before mutex_. Neither is held while a callback of the caller runs.
  mutable Mutex mutex_;
  CondVar changed_;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::size_t pending_ GUARDED_BY(mutex_) = 0;
  std::size_t completed_ GUARDED_BY(mutex_) = 0;
  std::size_t polled_ GUARDED_BY(mutex_) = 0;
  std::size_t failed_ GUARDED_BY(mutex_) = 0;  // since the last flush(), of messages that nothing waits for
  DeliveryResult last_failure_ GUARDED_BY(mutex_);
  std::exception_ptr callback_failure_ GUARDED_BY(mutex_);

  mutable Mutex clients_mutex_ ACQUIRED_BEFORE(mutex_);
  // Made when first needed; the one for events at construction. Last: their threads use everything above.
  std::array<ClientPtr, 2> clients_ GUARDED_BY(clients_mutex_);
};

Producer::Impl::Impl(ProducerOptions options)
    : options_(std::move(options)), health_(options_.bootstrap_servers) {
  OptionFaults faults;
  if (options_.flush_timeout < milliseconds(0)) faults.add("flush_timeout is negative");
  if (options_.queue_full_timeout < milliseconds(0)) faults.add("queue_full_timeout is negative");
  instance_name_ = instance_name_of(options_.instance_name, options_.service_url, faults);
  if (options_.topic) default_topic_ = checked_topic(instance_name_, *options_.topic, faults);
  config_ = make_producer_config(options_, faults);
  faults.raise("producer options");

  const ClientPtr client = client_for(Kind::event);
  options_.validate_token = false;  // later clients must not fail for a token that is being renewed
  if (options_.check_for_topics) {
    client->client().check_for_topics(
        default_topic_ ? std::vector{*default_topic_} : std::vector<std::string>(), instance_name_);
  }
}

Producer::Impl::ClientPtr Producer::Impl::client_for(Kind kind) {
  ClientPtr failed;  // stopped without the lock
  ClientPtr present = open_client(kind, failed);
  if (failed) failed->stop();
  return present;
}

Producer::Impl::ClientPtr Producer::Impl::open_client(Kind kind, ClientPtr& failed) {
  const MutexLock lock(clients_mutex_);
  {
    const MutexLock state(mutex_);
    if (closed_) throw KafkaProducerError("the producer is closed");
  }
  ClientPtr& client = clients_.at(static_cast<std::size_t>(kind));
  // librdkafka has failed all messages of a client with a fatal error; a new client can send the next ones.
  if (client && client->client().is_fatal() && !client->is_this_thread()) failed = std::move(client);
  if (!client) {
    ConfHandle config(rd_kafka_conf_dup(config_.config.get()));
    const bool has_timeout = options_.kafka_config.contains("message.timeout.ms") ||
                             options_.kafka_config.contains("delivery.timeout.ms");
    if (kind == Kind::event && !has_timeout) {
      const auto timeout = std::max(options_.flush_timeout, milliseconds(1));  // 0 would mean no limit
      rd_kafka_conf_set(config.get(), "message.timeout.ms", std::to_string(timeout.count()).c_str(), nullptr,
                        0);
    }
    client = std::make_shared<DeliveryClient>(
        connection_of(options_), std::move(config), health_,
        DeliveryClient::Hooks{
            .run_callback = [this](DeliveryState& state,
                                   const rd_kafka_message_t& message) { run_callback(state, message); },
            .complete = [this](std::vector<StatePtr> states) { complete(std::move(states)); }});
  }
  return client;
}

std::vector<Producer::Impl::ClientPtr> Producer::Impl::clients() const {
  const MutexLock lock(clients_mutex_);
  std::vector<ClientPtr> present(clients_.begin(), clients_.end());
  std::erase(present, nullptr);
  return present;
}

Destination Producer::Impl::destination_of(ProduceOptions& options) const {
  Destination destination;
  if (options.topic) {
    OptionFaults faults;
    destination.topic = checked_topic(instance_name_, *options.topic, faults);
    faults.raise("produce");
  } else if (default_topic_) {
    destination.topic = *default_topic_;
  } else {
    throw std::invalid_argument("no topic given, and the producer has no default topic");
  }
  destination.key = std::move(options.key);
  destination.headers = std::move(options.headers);
  destination.partition = options.partition.value_or(RD_KAFKA_PARTITION_UA);
  if (options.timestamp) {
    destination.timestamp_ms =
        std::chrono::duration_cast<milliseconds>(options.timestamp->time_since_epoch()).count();
  }
  return destination;
}

Producer::Impl::StatePtr Producer::Impl::start(Kind kind, Payload value, ProduceOptions options,
                                               bool has_waiter) {
  const ClientPtr client = client_for(kind);
  if (health_.is_rejected()) require_health();
  const Destination destination = destination_of(options);
  auto state = std::make_shared<DeliveryState>();
  state->value = std::move(value).bytes();
  state->on_delivery = std::move(options.on_delivery);
  state->has_waiter = has_waiter;

  std::optional<steady_clock::time_point> deadline;
  while (true) {
    std::size_t completed = 0;
    {
      const MutexLock lock(mutex_);
      if (closed_) throw KafkaProducerError("the producer is closed");
      ++pending_;
      completed = completed_;
    }
    const auto code = client->hand_over(destination, state);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return state;
    {
      const MutexLock lock(mutex_);
      --pending_;
    }
    changed_.notify_all();
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      if (!deadline) deadline = steady_clock::now() + options_.queue_full_timeout;
      if (wait_for_room(completed, *deadline)) continue;
      throw KafkaProducerError(
          error_text(fmt::format("producer queue full for {} ms ({} pending), topic {}",
                                 options_.queue_full_timeout.count(), pending(), destination.topic),
                     code),
          KafkaErrorCode::queue_full, true);
    }
    const std::string text = error_text(
        fmt::format("could not enqueue message for {} ({} bytes)", destination.topic, state->value.size()),
        code);
    if (is_topic_error(code)) throw KafkaTopicError(text, error_code(code));
    throw KafkaProducerError(text, error_code(code));
  }
}

/// Waits until another message has completed since `completed` was read. @return false if there is no time left
bool Producer::Impl::wait_for_room(std::size_t completed, steady_clock::time_point deadline) {
  for (const ClientPtr& client : clients()) {
    if (client->is_this_thread())
      return false;  // a callback that waited would keep the room from being freed
  }
  while (true) {
    {
      MutexLock lock(mutex_);
      if (completed_ != completed || closed_) return true;
      const milliseconds left = time_left(deadline);
      if (left == milliseconds(0)) return false;
      changed_.wait_until(mutex_, steady_clock::now() + interruption::slice(left));
    }
    interruption::check();
    if (health_.is_rejected()) require_health();
  }
}

void Producer::Impl::run_callback(DeliveryState& state, const rd_kafka_message_t& message) noexcept {
  try {
    const DeliveryResult& result = state.result;
    const std::string key = key_of(message);
    DeliveryReport report{
        .topic = result.topic, .partition = result.partition, .key = key, .value = state.value};
    if (result.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      report.offset = result.offset;
    } else {
      report.error.emplace(describe_failure(result), error_code(result.code), false, false,
                           result.may_have_arrived);
    }
    state.on_delivery(report);
  } catch (...) {
    const MutexLock lock(mutex_);
    if (!callback_failure_) callback_failure_ = std::current_exception();
  }
}

void Producer::Impl::complete(std::vector<StatePtr> states) {
  if (states.empty()) {
    if (health_.is_rejected()) changed_.notify_all();  // calls that wait throw
    return;
  }
  {
    const MutexLock lock(mutex_);
    for (const StatePtr& state : states) {
      state->done = true;
      if (state->result.code != RD_KAFKA_RESP_ERR_NO_ERROR && !state->has_waiter) {
        ++failed_;
        last_failure_ = state->result;
      }
    }
    pending_ -= states.size();
    completed_ += states.size();
  }
  changed_.notify_all();
  for (const StatePtr& state : states) {
    if (state->result.code != RD_KAFKA_RESP_ERR_NO_ERROR && !state->has_waiter && !state->on_delivery)
      logger.warning("{}", describe_failure(state->result));
  }
}

bool Producer::Impl::is_done(const DeliveryState& state) const {
  const MutexLock lock(mutex_);
  return state.done;
}

bool Producer::Impl::wait(const DeliveryState& state, steady_clock::time_point deadline) {
  require_own_thread("deliver()");
  while (true) {
    {
      MutexLock lock(mutex_);
      if (state.done) return true;
      const milliseconds left = time_left(deadline);
      if (left == milliseconds(0)) return false;
      changed_.wait_until(mutex_, steady_clock::now() + interruption::slice(left));
    }
    interruption::check();
  }
}

DeliveryReport Producer::Impl::report_of(const DeliveryState& state) const {
  const DeliveryResult& result = state.result;
  if (result.code == RD_KAFKA_RESP_ERR_NO_ERROR)
    return {.topic = result.topic, .partition = result.partition, .offset = result.offset};
  if (result.code != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) throw_delivery_error(describe_failure(result), result);
  // A message that waited for a login has timed out for the want of a token.
  if (health_.is_rejected() && !result.may_have_arrived)
    throw KafkaAuthenticationError(health_.rejection(), KafkaErrorCode::authentication_failed);
  throw_delivery_error(
      with_last_error(fmt::format("message for {} was not acknowledged within {:.1f} s and was given up{}",
                                  result.topic, std::chrono::duration<double>(options_.flush_timeout).count(),
                                  result.may_have_arrived ? "; it was sent and may have arrived" : "")),
      result);
}

std::string Producer::Impl::with_last_error(std::string text) const {
  if (const std::string last = health_.last_error(); !last.empty())
    text += fmt::format(". Last error: {}", last);
  return text;
}

void Producer::Impl::require_own_thread(const char* call) const {
  for (const ClientPtr& client : clients()) {
    if (client->is_this_thread())
      throw KafkaProducerError(fmt::format("{} must not be called from a delivery callback", call));
  }
}

void Producer::Impl::require_health() {
  bool recovered = false;
  for (const ClientPtr& client : clients())
    recovered = client->client().try_to_recover() || recovered;
  if (!recovered && health_.is_rejected())
    throw KafkaAuthenticationError(health_.rejection(), KafkaErrorCode::authentication_failed);
}

std::size_t Producer::Impl::poll(milliseconds timeout) {
  require_own_thread("poll()");
  const auto deadline = deadline_after(timeout);
  while (true) {
    rethrow_callback_failure();
    if (health_.is_rejected()) require_health();
    {
      MutexLock lock(mutex_);
      if (closed_) throw KafkaProducerError("the producer is closed");
      const std::size_t count = completed_ - std::exchange(polled_, completed_);
      const milliseconds left = time_left(deadline);
      if (count > 0 || left == milliseconds(0)) return count;
      changed_.wait_until(mutex_, steady_clock::now() + interruption::slice(left));
    }
    interruption::check();
  }
}

std::size_t Producer::Impl::flush_until(steady_clock::time_point deadline) {
  while (true) {
    if (health_.is_rejected()) require_health();
    {
      MutexLock lock(mutex_);
      const milliseconds left = time_left(deadline);
      if (pending_ == 0 || left == milliseconds(0)) return pending_;
      changed_.wait_until(mutex_, steady_clock::now() + interruption::slice(left));
    }
    interruption::check();
  }
}

std::size_t Producer::Impl::flush(milliseconds timeout, bool strict) {
  require_own_thread("flush()");
  {
    const MutexLock lock(mutex_);
    if (closed_) return 0;
  }
  const std::size_t remaining = flush_until(deadline_after(timeout));
  rethrow_callback_failure();
  std::size_t failed = 0;
  DeliveryResult failure;
  {
    const MutexLock lock(mutex_);
    failed = std::exchange(failed_, 0);
    failure = last_failure_;
  }
  if (strict && remaining > 0) {
    throw KafkaMessageDeliveryError(
        with_last_error(fmt::format("{} still pending", count_of(remaining, "message"))),
        KafkaErrorCode::timed_out, true, false, true);
  }
  if (strict && failed > 0) {
    const std::string more = failed > 1 ? fmt::format(" (and {} more)", failed - 1) : std::string();
    throw_delivery_error(describe_failure(failure) + more, failure);
  }
  return remaining;
}

void Producer::Impl::rethrow_callback_failure() {
  std::exception_ptr failure;
  {
    const MutexLock lock(mutex_);
    failure = std::exchange(callback_failure_, nullptr);
  }
  if (failure) std::rethrow_exception(failure);
}

std::size_t Producer::Impl::close(milliseconds timeout) {
  require_own_thread("close()");
  const auto deadline = deadline_after(timeout);
  {
    const MutexLock lock(mutex_);
    if (std::exchange(closed_, true)) return 0;
  }
  std::exception_ptr interruption;
  while (pending() > 0 && time_left(deadline) > milliseconds(0)) {
    try {
      flush_until(deadline);
    } catch (const KafkaAuthenticationError&) {  // a new token may still come; each round looks for one
    } catch (...) {
      interruption = std::current_exception();
      break;
    }
  }

  const std::size_t lost = pending();
  std::array<ClientPtr, 2> stopped;
  {
    const MutexLock lock(clients_mutex_);
    stopped = std::exchange(clients_, {});
  }
  for (const ClientPtr& client : stopped) {
    if (client) client->request_stop();
  }
  for (const ClientPtr& client : stopped) {
    if (client) client->stop();
  }
  if (lost > 0) {
    logger.error("{}", with_last_error(fmt::format(
                           "producer for {} closed: {} not delivered", options_.bootstrap_servers,
                           fmt::format("{} {}", count_of(lost, "message"), lost == 1 ? "was" : "were"))));
  }
  if (interruption) std::rethrow_exception(interruption);
  rethrow_callback_failure();
  return lost;
}

std::size_t Producer::Impl::pending() const {
  const MutexLock lock(mutex_);
  return pending_;
}

PingResult Producer::Impl::ping(const std::optional<std::string>& topic, milliseconds timeout) {
  require_own_thread("ping()");
  PingMessage message;
  message.timestamp =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (const auto claims = client_for(Kind::event)->client().claims()) {
    message.sub = claims->subject;
    if (!claims->scope.empty()) message.scope = fmt::format("{}", fmt::join(claims->scope, " "));
  }
  ProduceOptions to;
  if (topic || !options_.topic) to.topic = topic.value_or("test");
  const auto deadline = deadline_after(timeout);
  std::string text = build_ping_message(message);
  const StatePtr state = start(Kind::event, text, std::move(to), true);
  if (!wait(*state, deadline)) {
    throw KafkaMessageDeliveryError(
        with_last_error(fmt::format("the ping was not acknowledged within {:.1f} s",
                                    std::chrono::duration<double>(timeout).count())),
        KafkaErrorCode::timed_out, true, false, true);
  }
  const DeliveryReport report = report_of(*state);
  return {report.topic, report.partition, *report.offset, std::move(text)};
}

std::vector<TopicInfo> Producer::Impl::list_topics(milliseconds timeout) {
  return client_for(Kind::event)->client().list_topics(timeout);
}

// ---- PendingDelivery

PendingDelivery PendingDelivery::start(Producer& producer, Payload value, ProduceOptions options) {
  auto state = producer.impl_->start(Producer::Impl::Kind::event, std::move(value), std::move(options), true);
  return {producer.impl_, std::move(state)};
}

bool PendingDelivery::is_done() const { return producer_->is_done(*state_); }

DeliveryReport PendingDelivery::wait() {
  // librdkafka gives the message up by itself.
  while (!producer_->wait(*state_, deadline_after(forever))) {
  }
  return producer_->report_of(*state_);
}

// ---- Producer

Producer::Producer(ProducerOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}

Producer::~Producer() {
  if (!impl_) return;
  try {
    impl_->close(destructor_timeout);
  } catch (const std::exception& fault) {
    logger.error("while closing a producer: {}", fault.what());
  } catch (...) {
    logger.error("while closing a producer: a delivery callback threw a non-standard exception");
  }
}

Producer::Producer(Producer&&) noexcept = default;

Producer& Producer::operator=(Producer&& other) noexcept {
  Producer closing(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

void Producer::produce(Payload value, ProduceOptions options) {
  impl_->start(Impl::Kind::message, std::move(value), std::move(options), false);
}

DeliveryReport Producer::deliver(Payload value, ProduceOptions options) {
  impl_->require_own_thread("deliver()");
  return PendingDelivery::start(*this, std::move(value), std::move(options)).wait();
}

std::size_t Producer::poll(milliseconds timeout) { return impl_->poll(timeout); }

std::size_t Producer::flush(milliseconds timeout, bool strict) { return impl_->flush(timeout, strict); }

std::size_t Producer::close(milliseconds timeout) { return impl_->close(timeout); }

std::size_t Producer::pending_messages() const { return impl_->pending(); }

PingResult Producer::ping(const std::optional<std::string>& topic, milliseconds timeout) {
  return impl_->ping(topic, timeout);
}

std::vector<TopicInfo> Producer::list_topics(milliseconds timeout) { return impl_->list_topics(timeout); }

const std::string& Producer::instance_name() const noexcept { return impl_->instance_name(); }

const std::string& Producer::bootstrap_servers() const noexcept { return impl_->options().bootstrap_servers; }

milliseconds Producer::flush_timeout() const noexcept { return impl_->options().flush_timeout; }

std::size_t Producer::message_limit() const noexcept { return impl_->message_limit(); }

}  // namespace gracedb::kafka
