#include "gracedb/kafka/producer.hpp"

#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "core/log.hpp"
#include "kafka/client.hpp"
#include "kafka/error_text.hpp"
#include "kafka/outbox.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds destructor_timeout{5'000};

Properties producer_defaults(bool guaranteed_delivery) {
  Properties defaults{
      {"client.id", "gracedb-kafka-producer"},
      // What event files gain by a higher level does not make up for its time (docs/performance.md).
      {"compression.type", "lz4"},
      {"linger.ms", "0"},  // a lone event must not wait for company
      // Bounds the memory of a producer whose broker is slow or away.
      {"queue.buffering.max.kbytes", "131072"},
      // A topic that is not there is reported after this, rather than after the whole delivery time-out.
      {"topic.metadata.propagation.max.ms", "3000"},
  };
  if (guaranteed_delivery) {
    defaults.insert({{"acks", "all"},
                     {"enable.idempotence", "true"},
                     // With more, the loss of a producer's first request to a partition goes unnoticed: the
                     // broker takes the second one, and librdkafka the first for delivered with it.
                     {"max.in.flight.requests.per.connection", "1"},
                     {"retries", "5"},
                     {"retry.backoff.ms", "200"},
                     {"delivery.timeout.ms", "30000"},
                     {"request.timeout.ms", "10000"}});
  }
  return defaults;
}

void check(const ProducerOptions& options, Faults& faults) {
  if (options.flush_timeout < milliseconds(0)) faults.add("flush_timeout is negative");
  if (options.queue_full_timeout < milliseconds(0)) faults.add("queue_full_timeout is negative");
}

/// For messages that nobody waits for: a moment's patience makes many of them one request, and what a program
/// makes faster than the broker takes it has a smaller queue than the events, of which many large ones may be
/// under way at once.
ConfHandle for_messages(const ConfHandle& config, const ProducerOptions& options, std::size_t message_limit) {
  constexpr std::size_t queue_kbytes = 32'768;
  ConfHandle copy(rd_kafka_conf_dup(config.get()));
  const auto set = [&](const char* name, const std::string& value) {
    rd_kafka_conf_set(copy.get(), name, value.c_str(), nullptr, 0);
  };
  const auto is_given = [&](const char* name) { return options.kafka_config.contains(name); };
  if (!is_given("linger.ms") && !is_given("queue.buffering.max.ms")) set("linger.ms", "5");
  if (!is_given("queue.buffering.max.kbytes")) {
    set("queue.buffering.max.kbytes", std::to_string(std::max(queue_kbytes, message_limit / 1024 + 1)));
  }
  return copy;
}

/// A message larger than the queue would wait for room that there never is. @return what a message may have
std::size_t limit_to_the_queue(const ConfHandle& config) {
  const std::size_t limit = std::min(number_property(config.get(), "message.max.bytes"),
                                     number_property(config.get(), "queue.buffering.max.kbytes") * 1024);
  rd_kafka_conf_set(config.get(), "message.max.bytes", std::to_string(limit).c_str(), nullptr, 0);
  return limit;
}

/// The time until which to wait; `forever` is far enough away.
steady_clock::time_point deadline_after(milliseconds timeout) {
  return steady_clock::now() + (timeout < milliseconds(0) ? std::chrono::hours(24 * 365) : timeout);
}

}  // namespace

class Producer::Impl {
 public:
  explicit Impl(ProducerOptions options);

  void produce(Payload value, ProduceOptions options);
  std::shared_ptr<Ticket> begin_delivery(Payload value, ProduceOptions options, milliseconds timeout);
  DeliveryReport finish_delivery(const std::shared_ptr<Ticket>& ticket);
  int poll(milliseconds timeout);
  std::size_t flush(milliseconds timeout, bool strict);
  std::size_t close(milliseconds timeout);
  PingResult ping(const std::optional<std::string>& topic, milliseconds timeout);
  std::vector<TopicInfo> list_topics(milliseconds timeout);

  std::size_t pending() const;
  const ProducerOptions& options() const noexcept { return options_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  std::size_t message_limit() const noexcept { return message_limit_; }

 private:
  Destination destination_of(ProduceOptions& options) const;
  Outbox& messages();
  Outbox& submissions();
  Outbox& any_outbox();
  std::vector<Outbox*> outboxes() const;
  std::unique_ptr<Outbox> make_outbox(ClientSettings settings, const ConfHandle& config);
  std::unique_ptr<Outbox> make_later_outbox(const ConfHandle& config);
  void await(const std::shared_ptr<Ticket>& ticket);
  static bool wait_for(Outbox& outbox, const Ticket& ticket);
  void require_confirmed(const Outcome& outcome, milliseconds timeout) const;
  std::string with_last_error(std::string text) const;
  void require_open() const;
  std::size_t flush_until(Outbox& outbox, steady_clock::time_point deadline) const;
  void flush_before_close(Outbox& outbox, steady_clock::time_point deadline) const;

  ProducerOptions options_;
  std::string instance_name_;
  std::optional<std::string> default_topic_;
  std::size_t message_limit_ = 0;
  ConfHandle config_;
  ConfHandle messages_config_;  ///< the same for messages_
  Health health_;
  std::atomic<bool> closed_{false};
  std::shared_mutex life_;  ///< shared by calls that need a client beside its outbox; exclusive at the end

  // A message of produce() must never be touched by the withdrawal of one of deliver(), and may wait for
  // company as one of deliver() may not: each kind has an outbox of its own, made when it is first needed.
  // That of construction is kept for deliver(), whose first message should find its connection open.
  mutable std::mutex outboxes_mutex_;
  std::unique_ptr<Outbox> unused_;
  std::unique_ptr<Outbox> messages_;
  std::unique_ptr<Outbox> submissions_;
};

Producer::Impl::Impl(ProducerOptions options)
    : options_(std::move(options)), health_(options_.bootstrap_servers) {
  const ClientSettings settings = ClientSettings::from(options_);
  Faults faults;
  check(options_, faults);
  instance_name_ = instance_name_of(settings, faults);
  if (options_.topic) default_topic_ = checked_topic(instance_name_, *options_.topic, faults);
  config_ = make_config(settings, producer_defaults(options_.guaranteed_delivery), faults);
  faults.raise("producer options");
  message_limit_ = limit_to_the_queue(config_);
  messages_config_ = for_messages(config_, options_, message_limit_);

  unused_ = make_outbox(settings, config_);
  if (options_.check_for_topics) {
    unused_->client()->check_for_topics(
        default_topic_ ? std::vector{*default_topic_} : std::vector<std::string>(), instance_name_);
  }
}

std::unique_ptr<Outbox> Producer::Impl::make_outbox(ClientSettings settings, const ConfHandle& config) {
  return std::make_unique<Outbox>(std::move(settings), ConfHandle(rd_kafka_conf_dup(config.get())), health_,
                                  options_.queue_full_timeout);
}

Outbox& Producer::Impl::messages() {
  const std::lock_guard lock(outboxes_mutex_);
  require_open();
  if (!messages_) messages_ = make_later_outbox(messages_config_);
  return *messages_;
}

Outbox& Producer::Impl::submissions() {
  const std::lock_guard lock(outboxes_mutex_);
  require_open();
  if (!submissions_) submissions_ = unused_ ? std::move(unused_) : make_later_outbox(config_);
  return *submissions_;
}

std::unique_ptr<Outbox> Producer::Impl::make_later_outbox(const ConfHandle& config) {
  ClientSettings settings = ClientSettings::from(options_);
  settings.validate_token = false;  // that was for construction
  return make_outbox(std::move(settings), config);
}

std::vector<Outbox*> Producer::Impl::outboxes() const {
  const std::lock_guard lock(outboxes_mutex_);
  std::vector<Outbox*> present{messages_.get(), submissions_.get(), unused_.get()};
  std::erase(present, nullptr);
  return present;
}

Outbox& Producer::Impl::any_outbox() {
  require_open();
  return *outboxes().front();
}

std::size_t Producer::Impl::pending() const {
  std::size_t count = 0;
  for (const Outbox* outbox : outboxes())
    count += outbox->pending();
  return count;
}

Destination Producer::Impl::destination_of(ProduceOptions& options) const {
  Destination destination;
  if (options.topic) {
    Faults faults;
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
  destination.timestamp = options.timestamp;
  return destination;
}

void Producer::Impl::require_open() const {
  if (closed_) throw KafkaProducerError("the producer is closed");
}

void Producer::Impl::produce(Payload value, ProduceOptions options) {
  Outbox& outbox = messages();
  outbox.serve_now();
  const Destination destination = destination_of(options);
  outbox.enqueue(destination, std::make_unique<Pending>(Pending{std::move(value).bytes(),
                                                                std::move(options.on_delivery), nullptr}));
  outbox.rethrow_callback_failure();
}

std::shared_ptr<Ticket> Producer::Impl::begin_delivery(Payload value, ProduceOptions options,
                                                       milliseconds timeout) {
  auto ticket = std::make_shared<Ticket>();
  ticket->timeout = timeout;
  ticket->deadline = deadline_after(timeout);
  Outbox& outbox = submissions();
  outbox.replace_if_fatal();
  outbox.serve_now();
  const Destination destination = destination_of(options);
  ticket->topic = destination.topic;
  outbox.enqueue(destination, std::make_unique<Pending>(
                                  Pending{std::move(value).bytes(), std::move(options.on_delivery), ticket}));
  return ticket;
}

DeliveryReport Producer::Impl::finish_delivery(const std::shared_ptr<Ticket>& ticket) {
  if (!ticket->done) await(ticket);
  const Outcome outcome = ticket->done ? ticket->outcome
                                       : Outcome{.topic = ticket->topic,
                                                 .code = RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
                                                 .may_have_arrived = true};
  require_confirmed(outcome, ticket->timeout);
  if (!closed_) submissions().rethrow_callback_failure();
  return {outcome.topic, outcome.partition, outcome.offset, {}, {}, {}};
}

void Producer::Impl::await(const std::shared_ptr<Ticket>& ticket) {
  Outbox& outbox = submissions();
  try {
    if (!wait_for(outbox, *ticket)) outbox.withdraw(ticket);
  } catch (const KafkaError&) {
    outbox.withdraw(ticket);
    // Confirmed meanwhile, in spite of the failure?
    if (!ticket->done || ticket->outcome.code != RD_KAFKA_RESP_ERR_NO_ERROR) throw;
  } catch (...) {
    outbox.withdraw(ticket);  // interrupted
    throw;
  }
}

bool Producer::Impl::wait_for(Outbox& outbox, const Ticket& ticket) {
  const auto is_done = [&ticket] { return ticket.done.load(std::memory_order_acquire); };
  while (outbox.serve_until(ticket.deadline, [&] { return is_done() || outbox.client()->is_ailing(); })) {
    if (is_done()) return true;
    outbox.client()->require_health();
  }
  return false;
}

void Producer::Impl::require_confirmed(const Outcome& outcome, milliseconds timeout) const {
  if (outcome.code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  if (outcome.code != RD_KAFKA_RESP_ERR__PURGE_QUEUE && outcome.code != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    throw_not_delivered(
        error_text(fmt::format("message for {} was not delivered", outcome.topic), outcome.code),
        outcome.code, outcome.may_have_arrived);
  }
  const std::string text = fmt::format(
      "message for {} was not confirmed within {:.1f} s and was withdrawn{}", outcome.topic,
      std::chrono::duration<double>(timeout).count(),
      outcome.may_have_arrived ? "; but it had left for the broker already and may have arrived" : "");
  throw KafkaMessageDeliveryError(with_last_error(text), RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, true, false,
                                  outcome.may_have_arrived);
}

std::string Producer::Impl::with_last_error(std::string text) const {
  if (const std::string last = health_.last_error(); !last.empty())
    text += fmt::format(". Last error: {}", last);
  return text;
}

int Producer::Impl::poll(milliseconds timeout) {
  Outbox& outbox = any_outbox();
  const std::size_t before = outbox.served();
  outbox.serve_until(deadline_after(timeout),
                     [&] { return outbox.served() != before || outbox.client()->is_ailing(); });
  outbox.rethrow_callback_failure();
  outbox.client()->require_health();
  return static_cast<int>(outbox.served() - before);
}

std::size_t Producer::Impl::flush_until(Outbox& outbox, steady_clock::time_point deadline) const {
  outbox.serve_now();
  const auto is_done = [&outbox] { return outbox.pending() == 0; };
  while (outbox.serve_until(deadline, [&] { return is_done() || outbox.client()->is_ailing(); }) &&
         !is_done()) {
    outbox.client()->require_health();
  }
  return outbox.pending();
}

std::size_t Producer::Impl::flush(milliseconds timeout, bool strict) {
  if (closed_) return 0;
  Outbox& outbox = any_outbox();
  const std::size_t remaining = flush_until(outbox, deadline_after(timeout));
  outbox.rethrow_callback_failure();
  const Outbox::Failures failures = outbox.take_failures();
  if (strict && remaining > 0) {
    throw KafkaMessageDeliveryError(with_last_error(fmt::format("{} messages are still pending", remaining)),
                                    RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, true, false, true);
  }
  if (strict && failures.count > 0) {
    const std::string more =
        failures.count > 1 ? fmt::format(" (and {} more)", failures.count - 1) : std::string();
    throw_not_delivered(failures.text + more, failures.code, failures.may_have_arrived);
  }
  return remaining;
}

void Producer::Impl::flush_before_close(Outbox& outbox, steady_clock::time_point deadline) const {
  while (outbox.pending() > 0 && steady_clock::now() < deadline && !outbox.client()->is_fatal()) {
    try {
      flush_until(outbox, deadline);
    } catch (const KafkaAuthenticationError&) {
      // A fresh token may still come; each round looks for one.
    }
  }
}

std::size_t Producer::Impl::close(milliseconds timeout) {
  if (closed_.exchange(true)) return 0;
  const auto deadline = deadline_after(timeout);
  std::exception_ptr interruption;
  std::size_t lost = 0;
  for (Outbox* outbox : outboxes()) {
    try {
      if (!interruption) flush_before_close(*outbox, deadline);
    } catch (const KafkaError&) {
      throw;
    } catch (...) {
      interruption = std::current_exception();
    }
    lost += outbox->close();
  }
  if (lost > 0) {
    logger.error("{}", with_last_error(fmt::format("producer for {} closed with {} messages not delivered",
                                                   options_.bootstrap_servers, lost)));
  }
  const std::unique_lock life(life_);
  for (Outbox* outbox : outboxes())
    outbox->client()->destroy();
  if (interruption) std::rethrow_exception(interruption);
  for (Outbox* outbox : outboxes())
    outbox->rethrow_callback_failure();
  return lost;
}

PingResult Producer::Impl::ping(const std::optional<std::string>& topic, milliseconds timeout) {
  PingMessage message;
  message.timestamp =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (const auto claims = any_outbox().client()->claims()) {
    message.sub = claims->subject;
    if (!claims->scope.empty()) message.scope = fmt::format("{}", fmt::join(claims->scope, " "));
  }
  ProduceOptions to;
  if (topic || !options_.topic) to.topic = topic.value_or("test");
  std::string text = build_ping_message(message);
  const DeliveryReport report = finish_delivery(begin_delivery(text, std::move(to), timeout));
  return {report.topic, report.partition, report.offset, std::move(text)};
}

std::vector<TopicInfo> Producer::Impl::list_topics(milliseconds timeout) {
  const std::shared_lock life(life_);
  return any_outbox().client()->list_topics(timeout);
}

Producer::Producer(ProducerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Producer::~Producer() {
  if (!impl_) return;
  try {
    impl_->close(destructor_timeout);
  } catch (const std::exception& fault) {
    logger.error("while closing a producer: {}", fault.what());
  } catch (...) {
    logger.error("while closing a producer: a delivery callback threw something that is no std::exception");
  }
}

Producer::Producer(Producer&&) noexcept = default;

Producer& Producer::operator=(Producer&& other) noexcept {
  Producer closing(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

void Producer::produce(Payload value, ProduceOptions options) {
  impl_->produce(std::move(value), std::move(options));
}

DeliveryReport Producer::deliver(Payload value, ProduceOptions options, milliseconds timeout) {
  return impl_->finish_delivery(impl_->begin_delivery(std::move(value), std::move(options), timeout));
}

Delivery Producer::begin_delivery(Payload value, ProduceOptions options, milliseconds timeout) {
  return Delivery(impl_->begin_delivery(std::move(value), std::move(options), timeout));
}

DeliveryReport Producer::finish_delivery(const Delivery& delivery) {
  return impl_->finish_delivery(delivery.ticket_);
}

bool Delivery::is_done() const noexcept { return ticket_->done.load(std::memory_order_acquire); }

int Producer::poll(milliseconds timeout) { return impl_->poll(timeout); }

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
