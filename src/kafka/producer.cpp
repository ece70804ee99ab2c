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
#include <charconv>
#include <optional>
#include <shared_mutex>
#include <stdexcept>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds destructor_timeout{5'000};
constexpr std::size_t default_message_limit = 10'485'760;

Properties producer_defaults(bool guaranteed_delivery) {
  Properties defaults{
      {"client.id", "gracedb-kafka-producer"},
      {"compression.type", "zstd"},
      {"linger.ms", "0"},  // a lone event must not wait for company
      // A topic that is not there is reported after this, rather than after the whole delivery time-out.
      {"topic.metadata.propagation.max.ms", "3000"},
  };
  if (guaranteed_delivery) {
    defaults.insert({{"acks", "all"},
                     {"enable.idempotence", "true"},
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

std::size_t number(const std::string& text, std::size_t otherwise) {
  std::size_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
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
  DeliveryReport deliver(Payload value, ProduceOptions options, milliseconds timeout);
  int poll(milliseconds timeout);
  std::size_t flush(milliseconds timeout, bool strict);
  std::size_t close(milliseconds timeout);
  PingResult ping(const std::optional<std::string>& topic, milliseconds timeout);
  std::vector<TopicInfo> list_topics(milliseconds timeout);

  std::size_t pending() const noexcept { return outbox_.pending(); }
  const ProducerOptions& options() const noexcept { return options_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  std::size_t message_limit() const noexcept { return message_limit_; }

 private:
  Destination destination_of(ProduceOptions& options) const;
  bool wait_for(const Ticket& ticket, steady_clock::time_point deadline);
  [[noreturn]] void give_up(const std::shared_ptr<Ticket>& ticket, const std::string& topic,
                            milliseconds timeout);
  void require_open() const;

  ProducerOptions options_;
  std::string instance_name_;
  std::optional<std::string> default_topic_;
  std::size_t message_limit_ = default_message_limit;
  Outbox outbox_;
  std::shared_mutex life_;  ///< shared by calls that need the client beside the outbox; exclusive at its end
  std::optional<Client> client_;  // last: reports to the outbox until it is destroyed
};

Producer::Impl::Impl(ProducerOptions options)
    : options_(std::move(options)), outbox_(options_.queue_full_timeout) {
  const ClientSettings settings = ClientSettings::from(options_);
  Faults faults;
  check(options_, faults);
  instance_name_ = instance_name_of(settings, faults);
  if (options_.topic) default_topic_ = checked_topic(instance_name_, *options_.topic, faults);
  ConfHandle config = make_config(settings, producer_defaults(options_.guaranteed_delivery), faults);
  faults.raise("producer options");

  message_limit_ = number(property(config.get(), "message.max.bytes"), default_message_limit);
  client_.emplace(RD_KAFKA_PRODUCER, settings, std::move(config), outbox_.hooks());
  outbox_.attach(*client_);
  if (options_.check_for_topics) {
    client_->check_for_topics(default_topic_ ? std::vector{*default_topic_} : std::vector<std::string>(),
                              instance_name_);
  }
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
  return destination;
}

void Producer::Impl::require_open() const {
  if (outbox_.is_closed()) throw KafkaProducerError("the producer is closed");
}

void Producer::Impl::produce(Payload value, ProduceOptions options) {
  require_open();
  outbox_.serve_now();
  client_->require_health();
  const Destination destination = destination_of(options);
  outbox_.enqueue(destination, std::make_unique<Pending>(Pending{std::move(value).bytes(),
                                                                 std::move(options.on_delivery), nullptr}));
  outbox_.rethrow_callback_failure();
}

DeliveryReport Producer::Impl::deliver(Payload value, ProduceOptions options, milliseconds timeout) {
  require_open();
  const auto deadline = deadline_after(timeout);
  client_->require_health();
  const Destination destination = destination_of(options);
  const auto ticket = std::make_shared<Ticket>();
  outbox_.enqueue(destination, std::make_unique<Pending>(Pending{std::move(value).bytes(),
                                                                 std::move(options.on_delivery), ticket}));
  bool known = false;
  try {
    known = wait_for(*ticket, deadline);
  } catch (const KafkaAuthenticationError&) {
    // Nothing of it may be written once the token works again; unless it has been confirmed meanwhile.
    known = outbox_.withdraw(ticket);
    if (!known || ticket->outcome.code != RD_KAFKA_RESP_ERR_NO_ERROR) throw;
  }
  if (!known && !outbox_.withdraw(ticket)) give_up(ticket, destination.topic, timeout);
  const Outcome& outcome = ticket->outcome;
  if (outcome.code == RD_KAFKA_RESP_ERR__PURGE_QUEUE) give_up(ticket, destination.topic, timeout);
  if (outcome.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw_not_delivered(
        error_text(fmt::format("message for {} was not delivered", outcome.topic), outcome.code),
        outcome.code, outcome.may_have_arrived);
  }
  outbox_.rethrow_callback_failure();
  return {outcome.topic, outcome.partition, outcome.offset, {}, {}, {}};
}

bool Producer::Impl::wait_for(const Ticket& ticket, steady_clock::time_point deadline) {
  const auto is_done = [&ticket] { return ticket.done.load(std::memory_order_acquire); };
  while (!outbox_.serve_until(deadline, [&] { return is_done() || client_->is_ailing(); })) {
    if (steady_clock::now() >= deadline) return false;
  }
  if (is_done()) return true;
  client_->require_health();
  return wait_for(ticket, deadline);
}

void Producer::Impl::give_up(const std::shared_ptr<Ticket>& ticket, const std::string& topic,
                             milliseconds timeout) {
  const bool withdrawn = ticket->done.load(std::memory_order_acquire);
  const bool may_have_arrived = !withdrawn || ticket->outcome.may_have_arrived;
  std::string text =
      fmt::format("message for {} was not confirmed within {:.1f} s; {}", topic,
                  std::chrono::duration<double>(timeout).count(),
                  may_have_arrived ? "it had left already and may still arrive" : "it was withdrawn");
  if (const std::string last = client_->last_error(); !last.empty())
    text += fmt::format(". Last error: {}", last);
  throw KafkaMessageDeliveryError(text, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, true, false, may_have_arrived);
}

int Producer::Impl::poll(milliseconds timeout) {
  require_open();
  const std::size_t before = outbox_.served();
  outbox_.serve_until(deadline_after(timeout),
                      [&] { return outbox_.served() != before || client_->is_ailing(); });
  outbox_.rethrow_callback_failure();
  client_->require_health();
  return static_cast<int>(outbox_.served() - before);
}

std::size_t Producer::Impl::flush(milliseconds timeout, bool strict) {
  if (outbox_.is_closed()) return 0;
  const auto deadline = deadline_after(timeout);
  outbox_.serve_now();
  client_->require_health();
  while (!outbox_.serve_until(deadline, [this] { return outbox_.pending() == 0 || client_->is_ailing(); }) ||
         outbox_.pending() > 0) {
    client_->require_health();
    if (steady_clock::now() >= deadline) break;
  }
  outbox_.rethrow_callback_failure();
  const std::size_t remaining = outbox_.pending();
  const Outbox::Failures failures = outbox_.take_failures();
  if (strict && remaining > 0) {
    std::string text = fmt::format("{} messages are still pending", remaining);
    if (const std::string last = client_->last_error(); !last.empty())
      text += fmt::format(". Last error: {}", last);
    throw KafkaMessageDeliveryError(text, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, true, false, true);
  }
  if (strict && failures.count > 0) {
    const std::string more =
        failures.count > 1 ? fmt::format(" (and {} more)", failures.count - 1) : std::string();
    throw_not_delivered(failures.text + more, failures.code, failures.may_have_arrived);
  }
  return remaining;
}

std::size_t Producer::Impl::close(milliseconds timeout) {
  if (outbox_.is_closed()) return 0;
  const auto deadline = deadline_after(timeout);
  while (outbox_.pending() > 0 && steady_clock::now() < deadline) {
    try {
      flush(std::chrono::ceil<milliseconds>(deadline - steady_clock::now()), false);
    } catch (const KafkaAuthenticationError&) {
      // A fresh token may still come; each round has looked for one.
    }
  }
  const std::size_t lost = outbox_.close();
  if (lost > 0) {
    logger.error("producer for {} closed with {} messages not delivered. {}", options_.bootstrap_servers,
                 lost, client_->last_error());
  }
  const std::unique_lock life(life_);
  client_->destroy();
  return lost;
}

PingResult Producer::Impl::ping(const std::optional<std::string>& topic, milliseconds timeout) {
  PingMessage message;
  message.timestamp =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (const auto claims = client_->claims()) {
    message.sub = claims->subject;
    if (!claims->scope.empty()) message.scope = fmt::format("{}", fmt::join(claims->scope, " "));
  }
  ProduceOptions to;
  if (topic || !options_.topic) to.topic = topic.value_or("test");
  std::string text = build_ping_message(message);
  const DeliveryReport report = deliver(text, std::move(to), timeout);
  return {report.topic, report.partition, report.offset, std::move(text)};
}

std::vector<TopicInfo> Producer::Impl::list_topics(milliseconds timeout) {
  const std::shared_lock life(life_);
  require_open();
  return client_->list_topics(timeout);
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
  return impl_->deliver(std::move(value), std::move(options), timeout);
}

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
