#include "kafka/outbox.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"
#include "kafka/conversions.hpp"
#include "kafka/error_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The serving thread looks up this often, so that another can take its turn.
constexpr milliseconds turn_length{50};
/// Reports of purged messages are there at once; this bounds a fault.
constexpr milliseconds purge_timeout{1'000};

std::string describe(const Outcome& outcome) {
  const bool given_up =
      outcome.code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || outcome.code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  return error_text(fmt::format("message for {} was not delivered", outcome.topic),
                    given_up ? RD_KAFKA_RESP_ERR__MSG_TIMED_OUT : outcome.code);
}

Outcome outcome_of(const rd_kafka_message_t& message) {
  return {rd_kafka_topic_name(message.rkt), message.partition, message.offset, message.err,
          message.err != RD_KAFKA_RESP_ERR_NO_ERROR &&
              (message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
               rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)};
}

}  // namespace

void throw_not_delivered(const std::string& text, rd_kafka_resp_err_t code, bool may_have_arrived) {
  if (is_topic_error(code)) throw KafkaTopicError(text, code, false, false, may_have_arrived);
  const bool retriable = is_connection_error(code) || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
  throw KafkaMessageDeliveryError(text, code, retriable, false, may_have_arrived);
}

/// One thread's turn at serving; taken with the lock held, given back at its end with the lock held again.
class Outbox::Turn {
 public:
  Turn(Outbox& outbox, std::unique_lock<std::mutex>& lock) : outbox_(outbox), lock_(lock) {
    ++outbox_.queued_for_turn_;
    outbox_.turn_changed_.wait(lock_, [this] { return !outbox_.server_.has_value(); });
    --outbox_.queued_for_turn_;
    outbox_.server_ = std::this_thread::get_id();
    lock_.unlock();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    lock_.lock();
    outbox_.server_.reset();
    outbox_.turn_changed_.notify_all();
  }

 private:
  Outbox& outbox_;
  std::unique_lock<std::mutex>& lock_;
};

Outbox::Outbox(ClientSettings settings, ConfHandle config, Health& health, milliseconds queue_full_timeout)
    : settings_(std::move(settings)),
      config_(std::move(config)),
      health_(health),
      queue_full_timeout_(queue_full_timeout) {
  replace_client();
}

std::shared_ptr<Client> Outbox::client() const {
  const std::lock_guard lock(client_mutex_);
  return client_;
}

void Outbox::replace_client() {
  Client::Hooks hooks;
  hooks.delivered = &Outbox::on_report;
  hooks.owner = this;
  auto next = std::make_shared<Client>(RD_KAFKA_PRODUCER, settings_,
                                       ConfHandle(rd_kafka_conf_dup(config_.get())), health_, hooks);
  const std::lock_guard lock(client_mutex_);
  client_.swap(next);
}

void Outbox::replace_if_fatal() {
  if (!client()->is_fatal()) return;
  std::unique_lock lock(turn_);
  const Turn turn(*this, lock);
  if (closed_ || !client_->is_fatal()) return;
  {
    const std::unique_lock gate(gate_);
    recall_all();
    replace_client();
    put_back();
  }
  run_callbacks();
}

void Outbox::enqueue(const Destination& destination, std::unique_ptr<Pending> pending) {
  std::optional<Deadline> deadline;
  while (true) {
    const auto code = hand_over(destination, *pending);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      static_cast<void>(pending.release());  // comes back with its report
      return;
    }
    if (!deadline) deadline = steady_clock::now() + queue_full_timeout_;
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && steady_clock::now() < *deadline) {
      const std::size_t before = pending_.load();
      serve_until(std::min(*deadline, steady_clock::now() + turn_length),
                  [&] { return pending_.load() < before; });
      client()->require_health();
      continue;
    }
    const std::string what =
        code == RD_KAFKA_RESP_ERR__QUEUE_FULL
            ? fmt::format("no room for a message for {} within {} ms; {} are pending", destination.topic,
                          queue_full_timeout_.count(), pending_.load())
            : fmt::format("message for {} ({} bytes) was not taken", destination.topic,
                          pending->value.size());
    if (is_topic_error(code)) throw KafkaTopicError(error_text(what, code), code);
    throw KafkaProducerError(error_text(what, code), code, code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
  }
}

rd_kafka_resp_err_t Outbox::hand_over(const Destination& destination, Pending& pending) {
  const std::shared_lock gate(gate_);
  if (closed_) throw KafkaProducerError("the producer is closed");
  ++pending_;
  const auto code = produce(destination, pending);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) --pending_;
  return code;
}

rd_kafka_resp_err_t Outbox::produce(const Destination& destination, Pending& pending) {
  return kafka::hand_over(client_->handle(), destination, pending.value, &pending);
}

void Outbox::on_report(const rd_kafka_message_t* message, void* owner) noexcept {
  std::unique_ptr<Pending> pending(static_cast<Pending*>(message->_private));
  try {
    static_cast<Outbox*>(owner)->collect(*message, std::move(pending));
  } catch (...) {
    logger.error("out of memory while a delivery report came in");
  }
}

void Outbox::collect(const rd_kafka_message_t& message, std::unique_ptr<Pending> pending) {
  const bool withdrawn =
      pending->ticket && (pending->ticket->withdrawn || pending->ticket->deadline <= steady_clock::now());
  const bool purged =
      message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (recalling_ && purged && !withdrawn) {
    // A neighbour of a withdrawn message goes on in the next client, to the partition already chosen for it.
    // One that was on the wire may be on the topic twice then; what is sent this way bears that.
    Destination destination{rd_kafka_topic_name(message.rkt), std::nullopt, headers_of(message),
                            message.partition, timestamp_of(message)};
    if (message.key != nullptr) destination.key = key_of(message);
    recalled_.push_back({std::move(pending), std::move(destination)});
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) health_.note_success();
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && !pending->ticket && !pending->on_delivery) {
    pending.reset();
    ++served_;
    --pending_;
    return;
  }
  std::string key = pending->on_delivery ? key_of(message) : std::string();
  reports_.push_back({std::move(pending), outcome_of(message), std::move(key)});
}

void Outbox::poll_and_report(milliseconds timeout) {
  client_->serve(timeout);
  run_callbacks();
}

void Outbox::run_callbacks() {
  for (Report& report : std::exchange(reports_, {})) {
    const Outcome& outcome = report.outcome;
    if (outcome.code != RD_KAFKA_RESP_ERR_NO_ERROR) note_failure(*report.pending, outcome);
    if (report.pending->on_delivery) {
      DeliveryReport told{outcome.topic, outcome.partition,     outcome.offset,
                          report.key,    report.pending->value, {}};
      if (outcome.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        told.error.emplace(describe(outcome), outcome.code, false, false, outcome.may_have_arrived);
      }
      try {
        report.pending->on_delivery(told);
      } catch (...) {
        const std::lock_guard lock(failures_mutex_);
        if (!callback_failure_) callback_failure_ = std::current_exception();
        has_callback_failure_ = true;
      }
    }
    if (const auto& ticket = report.pending->ticket) {
      ticket->outcome = outcome;
      ticket->done.store(true, std::memory_order_release);
    }
    ++served_;
    --pending_;
  }
}

void Outbox::note_failure(const Pending& pending, const Outcome& outcome) {
  if (pending.ticket) return;  // told by an exception
  const std::string text = describe(outcome);
  if (!pending.on_delivery) logger.warning("{}", text);
  const std::lock_guard lock(failures_mutex_);
  failures_ = {failures_.count + 1, outcome.code, text, outcome.may_have_arrived};
}

bool Outbox::serve_until(Deadline deadline, const std::function<bool()>& done) {
  std::unique_lock lock(turn_);
  if (server_ == std::this_thread::get_id()) {
    throw KafkaProducerError(
        "a delivery callback must not wait for messages: call flush() and deliver() elsewhere");
  }
  while (!done()) {
    if (closed_) throw KafkaProducerError("the producer was closed while waiting");
    const milliseconds left = time_left(deadline);
    if (!server_ && queued_for_turn_ == 0) {
      const Turn turn(*this, lock);
      poll_and_report(std::min(left, turn_length));
    } else if (left > milliseconds(0)) {
      turn_changed_.wait_for(lock, interruption::slice(left));
    }
    if (left == milliseconds(0)) return done();
    if (interruption::is_possible()) {
      lock.unlock();  // what is run then may use the producer
      interruption::check();
      lock.lock();
    }
  }
  return true;
}

// On the way of every message, hence the look before the lock.
void Outbox::serve_now() {
  if (!needs_attention()) return;
  {
    std::unique_lock lock(turn_);
    if (!server_ && queued_for_turn_ == 0 && !closed_) {
      const Turn turn(*this, lock);
      poll_and_report(milliseconds(0));
    }
  }
  client()->require_health();
}

bool Outbox::needs_attention() {
  const std::shared_lock gate(gate_);
  return !closed_ && (client_->has_news() || client_->is_ailing());
}

void Outbox::withdraw(const std::shared_ptr<Ticket>& ticket) {
  std::unique_lock lock(turn_);
  const Turn turn(*this, lock);
  if (!closed_ && !ticket->done) {
    // Callbacks wait until the gate is open again: they might produce.
    const std::unique_lock gate(gate_);
    ticket->withdrawn = true;
    recall_all();
    replace_client();
    put_back();
  }
  run_callbacks();
}

void Outbox::recall_all() {
  recalling_ = true;
  rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  const Deadline deadline = steady_clock::now() + purge_timeout;
  while (pending_.load() > reports_.size() + recalled_.size() && steady_clock::now() < deadline) {
    client_->serve(std::min(time_left(deadline), turn_length));
  }
  recalling_ = false;
}

void Outbox::put_back() {
  for (Recalled& recalled : std::exchange(recalled_, {})) {
    const Destination& to = recalled.destination;
    const auto code = produce(to, *recalled.pending);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      static_cast<void>(recalled.pending.release());
      continue;
    }
    Outcome outcome;
    outcome.topic = to.topic;
    outcome.partition = to.partition;
    outcome.code = code;
    reports_.push_back({std::move(recalled.pending), std::move(outcome), to.key.value_or("")});
  }
}

std::size_t Outbox::close() {
  std::unique_lock lock(turn_);
  const Turn turn(*this, lock);
  {
    const std::unique_lock gate(gate_);
    closed_.store(true, std::memory_order_release);
  }
  const std::size_t lost = pending_.load();
  if (lost == 0) return 0;
  rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  const Deadline deadline = steady_clock::now() + purge_timeout;
  while (pending_.load() > 0 && steady_clock::now() < deadline) {
    poll_and_report(std::min(time_left(deadline), turn_length));
  }
  return lost;
}

Outbox::Failures Outbox::take_failures() {
  const std::lock_guard lock(failures_mutex_);
  return std::exchange(failures_, {});
}

void Outbox::rethrow_callback_failure() {
  if (!has_callback_failure_) return;
  std::exception_ptr failure;
  {
    const std::lock_guard lock(failures_mutex_);
    failure = std::exchange(callback_failure_, nullptr);
    has_callback_failure_ = false;
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gracedb::kafka
