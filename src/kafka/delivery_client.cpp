#include "kafka/delivery_client.hpp"

#include "core/interruption.hpp"
#include "core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// librdkafka reports purged messages at once; this limits a fault.
constexpr milliseconds purge_timeout{1'000};
/// While messages wait and the broker rejects the token, the polling thread looks for another one this often.
constexpr milliseconds token_retry_interval{1'000};

Properties producer_defaults(bool guaranteed_delivery) {
  Properties defaults{
      {"client.id", "gracedb-kafka-producer"},
      // Event files shrink to half by any codec; lz4 takes the least time for it.
      {"compression.type", "lz4"},
      // Send single events at once. Further messages form a batch while a request is in flight.
      {"linger.ms", "0"},
      // The memory of a producer whose broker is slow or down.
      {"queue.buffering.max.kbytes", "131072"},
      // Report a topic that does not exist after 3 s instead of the delivery timeout.
      {"topic.metadata.propagation.max.ms", "3000"},
  };
  if (guaranteed_delivery) {
    defaults.insert({{"acks", "all"},
                     {"enable.idempotence", "true"},
                     // With more in flight, a producer's first request to a partition may be lost: the broker
                     // accepts the second one, and librdkafka takes the first for acknowledged with it.
                     {"max.in.flight.requests.per.connection", "1"},
                     // No limit to the number of retries: a leader election takes longer than five.
                     {"retry.backoff.ms", "200"},
                     {"delivery.timeout.ms", "30000"},
                     {"request.timeout.ms", "10000"}});
  }
  return defaults;
}

bool is_purged(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

}  // namespace

ProducerConfig make_producer_config(const ProducerOptions& options, OptionFaults& faults) {
  ConfHandle config =
      make_config(connection_of(options), producer_defaults(options.guaranteed_delivery), faults);
  // A larger message would wait for ever for room in the queue.
  const std::size_t limit = std::min(number_property(config.get(), "message.max.bytes"),
                                     number_property(config.get(), "queue.buffering.max.kbytes") * 1024);
  rd_kafka_conf_set(config.get(), "message.max.bytes", std::to_string(limit).c_str(), nullptr, 0);
  return {std::move(config), limit};
}

std::string describe_failure(const DeliveryResult& result) {
  const std::string what = fmt::format("message for {} was not delivered", result.topic);
  return is_purged(result.code) ? what + ": the producer was closed" : error_text(what, result.code);
}

DeliveryClient::DeliveryClient(const KafkaConnection& connection, ConfHandle config, BrokerHealth& health,
                               Hooks hooks)
    : health_(health),
      hooks_(std::move(hooks)),
      client_(RD_KAFKA_PRODUCER, connection, std::move(config), health,
              {.delivered = &DeliveryClient::on_delivered, .owner = this}) {
  client_.set_polled_by_owner();
  thread_ = std::thread([this] { run(); });
}

void DeliveryClient::run() {
  auto next_token = steady_clock::now();
  auto purge_deadline = steady_clock::time_point::max();
  while (true) {
    if (stopping_.load(std::memory_order_acquire)) {
      if (purge_deadline == steady_clock::time_point::max())
        purge_deadline = steady_clock::now() + purge_timeout;
      if (held_ == 0 || steady_clock::now() >= purge_deadline) return;
      // Once more for a message that start() has handed over meanwhile.
      rd_kafka_purge(client_.handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
    client_.poll(stopping_ ? interruption::longest_wait : token_retry_interval);
    hooks_.complete(std::exchange(reported_, {}));
    if (health_.is_rejected() && held_ > 0 && steady_clock::now() >= next_token) {
      client_.renew_token();
      next_token = steady_clock::now() + token_retry_interval;
    }
  }
}

void DeliveryClient::request_stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  client_.wake_up();
}

void DeliveryClient::stop() {
  if (!thread_.joinable()) return;
  request_stop();
  thread_.join();
}

rd_kafka_resp_err_t DeliveryClient::hand_over(const Destination& to, const StatePtr& state) {
  HeadersHandle headers = to_librdkafka(to.headers);
  std::string_view key;
  if (to.key) key = *to.key;
  state->self = state;
  ++held_;
  const auto code = rd_kafka_producev(
      client_.handle(), RD_KAFKA_V_TOPIC(to.topic.c_str()), RD_KAFKA_V_PARTITION(to.partition),
      RD_KAFKA_V_TIMESTAMP(to.timestamp_ms), RD_KAFKA_V_VALUE(state->value.data(), state->value.size()),
      RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_HEADERS(headers.get()),
      RD_KAFKA_V_OPAQUE(state.get()), RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<void>(headers.release());  // librdkafka's now
  } else {
    --held_;
    state->self.reset();
  }
  return code;
}

void DeliveryClient::on_delivered(const rd_kafka_message_t* message, void* owner) noexcept {
  auto& self = *static_cast<DeliveryClient*>(owner);
  StatePtr state = std::move(static_cast<DeliveryState*>(message->_private)->self);
  --self.held_;
  const bool failed = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
  if (!failed) self.health_.note_success();
  try {
    state->result = {rd_kafka_topic_name(message->rkt), message->partition, message->offset, message->err,
                     failed && rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED};
    if (state->on_delivery) self.hooks_.run_callback(*state, *message);
    self.reported_.push_back(std::move(state));
  } catch (...) {
    logger.error("out of memory while handling a delivery report");
  }
}

}  // namespace gracedb::kafka
