#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/consumer_impl.hpp"
#include "kafka/librdkafka.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

}  // namespace

void Consumer::Impl::mark_processed() {
  for (const MessageHandle& message : being_processed_) {
    if (!stores_offsets_) break;
    // Fails only where the partition has been taken away meanwhile; its new owner reads the message again.
    rd_kafka_offset_store(message->rkt, message->partition, message->offset);
  }
  if (being_processed_.empty()) return;
  processed_.swap(being_processed_);
  being_processed_.clear();
}

void Consumer::Impl::stop() noexcept {
  stopped_.set();
  stop_requested_ = true;
}

bool Consumer::Impl::take_stop() noexcept {
  if (!stop_requested_.load(std::memory_order_relaxed) || !stop_requested_.exchange(false)) return false;
  stopped_.take();
  return true;
}

std::optional<Message> Consumer::Impl::poll(milliseconds timeout, bool watch_signals) {
  require_open();
  mark_processed();
  MessageHandle raw = next(timeout, watch_signals);
  if (!raw) return std::nullopt;
  Message message = message_of(*raw);
  being_processed_.push_back(std::move(raw));
  processed_.clear();
  return message;
}

std::vector<Message> Consumer::Impl::poll_batch(std::size_t most, milliseconds timeout) {
  require_open();
  mark_processed();
  const auto deadline = steady_clock::now() + timeout;
  std::vector<MessageHandle> batch;
  try {
    while (batch.size() < most) {
      MessageHandle raw = next(timeout < milliseconds(0) ? timeout : time_left(deadline), false);
      if (!raw) break;
      batch.push_back(std::move(raw));
    }
  } catch (...) {
    std::move(batch.begin(), batch.end(), std::back_inserter(fetched_));  // for the next call
    throw;
  }
  std::vector<Message> messages;
  messages.reserve(batch.size());
  for (const MessageHandle& raw : batch)
    messages.push_back(message_of(*raw));
  being_processed_ = std::move(batch);
  if (!being_processed_.empty()) processed_.clear();
  return messages;
}

/// The next message, or none within `timeout`, or none because stop() was called.
MessageHandle Consumer::Impl::next(milliseconds timeout, bool watch_signals) {
  if (!fetched_.empty()) {
    MessageHandle raw = std::move(fetched_.front());
    fetched_.pop_front();
    return raw;
  }
  std::optional<steady_clock::time_point> deadline;
  while (true) {
    interrupted_ = take_stop() || (watch_signals && SignalWatch::received() != 0);
    if (interrupted_) return nullptr;
    MessageHandle raw(rd_kafka_consumer_poll(handle(), 0));
    assignment_.rethrow_callback_failure();
    if (raw) {
      if (is_message(*raw)) {
        refill_->took(raw->len);
        return raw;
      }
      if (options_.track_end && at_end()) return nullptr;
      continue;
    }
    client_->require_health();
    if (!deadline) deadline = steady_clock::now() + timeout;
    const auto left = time_left(*deadline);
    if (timeout >= milliseconds(0) && left == milliseconds(0)) return nullptr;
    wait(interruption::slice(timeout < milliseconds(0) ? milliseconds(1000) : left), watch_signals);
    interruption::check();
    require_open();
  }
}

bool Consumer::Impl::is_message(const rd_kafka_message_t& raw) {
  if (raw.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    assignment_.reached_end(rd_kafka_topic_name(raw.rkt), raw.partition);
    return false;
  }
  if (raw.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    handle_error(raw);
    return false;
  }
  health_.note_success();
  if (options_.track_end) assignment_.left_end(rd_kafka_topic_name(raw.rkt), raw.partition);
  return true;
}

void Consumer::Impl::handle_error(const rd_kafka_message_t& raw) {
  const std::string where = raw.rkt != nullptr ? rd_kafka_topic_name(raw.rkt) : options_.bootstrap_servers;
  const std::string text = error_text(where, raw.err, rd_kafka_message_errstr(&raw));
  if (is_topic_error(raw.err)) throw KafkaTopicError(text, error_code(raw.err));
  switch (raw.err) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__FATAL:
      throw KafkaConsumerError(text, error_code(raw.err));
    default:
      // librdkafka goes on by itself: reconnects, rejoins the group, resets the offset.
      logger.warning("{}", text);
  }
}

void Consumer::Impl::wait(milliseconds timeout, bool watch_signals) const {
  std::array<pollfd, 3> events{{{arrived_.descriptor(), POLLIN, 0},
                                {stopped_.descriptor(), POLLIN, 0},
                                {watch_signals ? SignalWatch::descriptor() : -1, POLLIN, 0}}};
  ::poll(events.data(), events.size(), static_cast<int>(timeout.count()));
  arrived_.take();
}

}  // namespace gracedb::kafka
