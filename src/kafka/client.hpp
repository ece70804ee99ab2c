#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/kafka/message.hpp"

#include "kafka/client_config.hpp"
#include "kafka/handles.hpp"
#include "kafka/health.hpp"
#include "kafka/token_supply.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::kafka {

/// What Producer and Consumer share: a librdkafka client and its login.
/// The methods may be called from any thread.
class Client {
 public:
  struct Hooks {
    /// A delivery report, on the thread in rd_kafka_poll(). Must not throw.
    void (*delivered)(const rd_kafka_message_t* message, void* owner) = nullptr;
    /// Partitions come or go, on the thread in rd_kafka_consumer_poll(). Must not throw.
    void (*rebalanced)(rd_kafka_t* client, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t* partitions, void* owner) = nullptr;
    void* owner = nullptr;
  };

  /// Connects in the background.
  /// @throws std::invalid_argument, KafkaTokenError
  Client(rd_kafka_type_t type, const ClientSettings& settings, ConfHandle config, Health& health,
         Hooks hooks);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() const noexcept { return handle_.get(); }

  /// Runs the callbacks that are due.
  void serve(std::chrono::milliseconds timeout);
  /// True if callbacks are due.
  bool has_news() const noexcept { return rd_kafka_queue_length(news_.get()) > 0; }
  /// From here on rd_kafka_consumer_poll() runs them, and serve() does nothing.
  void redirect_to_consumer_queue();

  /// Throws if this client cannot work: its token was refused, or librdkafka has met a fatal error.
  /// A refused token is looked for again first; the way is free once another has been found or the broker
  /// answers.
  /// @throws KafkaAuthenticationError, KafkaTokenError, KafkaProducerError, KafkaConsumerError
  void require_health();
  /// True if require_health() has something to do.
  bool is_ailing() const noexcept { return health_.is_refused() || is_fatal(); }
  /// True if this client will never work again.
  bool is_fatal() const noexcept { return fatal_.load(std::memory_order_acquire); }

  /// All topics the broker shows, sorted.
  /// @throws KafkaConnectionError, KafkaAuthenticationError
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout);

  /// @throws KafkaTopicError  one of `topics` is not there, or, without any, none of the instance
  /// @throws as list_topics()
  void check_for_topics(const std::vector<std::string>& topics, std::string_view instance_name);

  /// What the current token says of itself; none where no token is used.
  std::optional<auth::Claims> claims();

  /// Releases the librdkafka client; waits for its threads.
  void destroy() noexcept;

 private:
  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque);
  static void on_log(const rd_kafka_t*, int level, const char* facility, const char* text);
  static void on_token_due(rd_kafka_t* client, const char*, void* opaque);

  [[noreturn]] void throw_fatal() const;
  bool try_to_recover();
  bool broker_answers(std::chrono::milliseconds timeout) const;
  bool is_connected() const;
  MetadataHandle fetch_metadata(std::chrono::milliseconds timeout);

  Health& health_;
  Hooks hooks_;
  rd_kafka_type_t type_;
  bool redirected_ = false;
  std::string bootstrap_servers_;
  std::optional<TokenSupply> tokens_;

  std::atomic<bool> fatal_{false};
  ClientHandle handle_;  // its threads call back into everything above until it is destroyed
  QueueHandle news_;
};

}  // namespace gracedb::kafka
