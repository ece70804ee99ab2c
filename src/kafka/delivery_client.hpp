#pragma once

#include "gracedb/kafka/producer.hpp"

#include "kafka/client.hpp"
#include "kafka/config.hpp"
#include "kafka/librdkafka.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gracedb::kafka {

/// The librdkafka configuration of a producer, and the largest message that it accepts.
struct ProducerConfig {
  ConfHandle config;
  std::size_t message_limit = 0;
};
ProducerConfig make_producer_config(const ProducerOptions& options, OptionFaults& faults);

struct Destination {
  /// With the instance name.
  std::string topic;
  std::optional<std::string> key;
  Headers headers;
  std::int32_t partition = RD_KAFKA_PARTITION_UA;
  /// 0: now.
  std::int64_t timestamp_ms = 0;
};

/// What librdkafka has reported for a message.
struct DeliveryResult {
  std::string topic;
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  bool may_have_arrived = false;
};

/// "message for <topic> was not delivered: <reason>. <hint>"
std::string describe_failure(const DeliveryResult& result);

/// One message between start and result.
struct DeliveryState {
  /// librdkafka does not copy it.
  std::string value;
  DeliveryCallback on_delivery;
  /// A failure is thrown to the waiting call instead of being counted for flush().
  bool has_waiter = false;
  /// Set while librdkafka has the message.
  std::shared_ptr<DeliveryState> self;
  /// The producer's lock guards these two.
  bool done = false;
  DeliveryResult result;
};

/// A librdkafka client and the thread that polls it.
class DeliveryClient {
 public:
  using StatePtr = std::shared_ptr<DeliveryState>;

  /// Called on the polling thread.
  struct Hooks {
    /// Inside of librdkafka's callback. Must not throw.
    std::function<void(DeliveryState& state, const rd_kafka_message_t& message)> run_callback;
    /// After rd_kafka_poll(), with the messages that it reported; none if it only woke up.
    std::function<void(std::vector<StatePtr> reported)> complete;
  };

  /// @throws as Client
  DeliveryClient(const KafkaConnection& connection, ConfHandle config, BrokerHealth& health, Hooks hooks);
  DeliveryClient(const DeliveryClient&) = delete;
  DeliveryClient& operator=(const DeliveryClient&) = delete;
  ~DeliveryClient() { stop(); }

  /// On success librdkafka has the message, and `state->self` keeps it alive until its report.
  rd_kafka_resp_err_t hand_over(const Destination& to, const StatePtr& state);

  /// Lets the thread fail the messages that librdkafka still has, and end; at most a second.
  void request_stop() noexcept;
  /// request_stop(), and joins the thread.
  void stop();

  Client& client() noexcept { return client_; }
  bool is_this_thread() const noexcept { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  void run();
  static void on_delivered(const rd_kafka_message_t* message, void* owner) noexcept;

  BrokerHealth& health_;
  const Hooks hooks_;
  std::atomic<bool> stopping_{false};
  // Messages that librdkafka has.
  std::atomic<std::size_t> held_{0};
  // Of the polling thread: the reports of one rd_kafka_poll().
  std::vector<StatePtr> reported_;
  Client client_;
  std::thread thread_;
};

}  // namespace gracedb::kafka
