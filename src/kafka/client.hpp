#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"
#include "gracedb/kafka/message.hpp"

#include "core/mutex.hpp"
#include "kafka/config.hpp"
#include "kafka/librdkafka.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::kafka {

/// What the librdkafka clients of one Producer or Consumer have reported about their brokers and their login.
/// Any thread.
class BrokerHealth {
 public:
  explicit BrokerHealth(std::string bootstrap_servers) : bootstrap_servers_(std::move(bootstrap_servers)) {}
  BrokerHealth(const BrokerHealth&) = delete;
  BrokerHealth& operator=(const BrokerHealth&) = delete;

  /// @param has_token_expired  explains a connection that the broker closed without an error
  void note_error(rd_kafka_resp_err_t code, std::string_view reason, bool has_token_expired) EXCLUDES(mutex_);
  /// A broker has answered.
  void note_success() noexcept {
    if (all_down_.load(std::memory_order_relaxed)) note_reconnected();
  }
  /// A new token was set, or the broker accepts the token again.
  void forget_rejection() EXCLUDES(mutex_);

  /// True if the broker rejects the token, or there is none.
  bool is_rejected() const noexcept { return rejected_.load(std::memory_order_acquire); }
  bool is_all_down() const noexcept { return all_down_.load(std::memory_order_acquire); }

  /// Text of the error while is_rejected(): the reason, and how to get a new token.
  std::string rejection() const EXCLUDES(mutex_);
  /// The last error with a hint, as the cause of a later failure; may be empty.
  std::string last_error() const EXCLUDES(mutex_);

  /// Suppresses log lines while errors are thrown to the caller.
  class Quiet {
   public:
    explicit Quiet(BrokerHealth& health) : health_(health) { health_.quiet_ = true; }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() { health_.quiet_ = false; }

   private:
    BrokerHealth& health_;
  };

 private:
  void note_all_down() REQUIRES(mutex_);
  void note_reconnected() noexcept;

  const std::string bootstrap_servers_;
  std::atomic<bool> rejected_{false};
  std::atomic<bool> all_down_{false};
  std::atomic<bool> quiet_{false};
  mutable Mutex mutex_;
  std::string rejection_ GUARDED_BY(mutex_);
  std::string last_error_ GUARDED_BY(mutex_);
  rd_kafka_resp_err_t last_code_ GUARDED_BY(mutex_) = RD_KAFKA_RESP_ERR_NO_ERROR;
};

/// Supplies librdkafka with tokens: when it asks for one, and when there is a reason to look for another.
class TokenSupply {
 public:
  explicit TokenSupply(const KafkaConnection& connection);

  /// @throws KafkaTokenError  no usable token
  void validate();

  /// Sets the current token. librdkafka reports a failure as an authentication error and asks again after 10 s.
  void supply(rd_kafka_t* client) noexcept;

  /// Looks for another token than the current one and sets it.
  /// @return false if there is none
  /// @throws KafkaTokenError  no usable token at all
  bool renew(rd_kafka_t* client);

  bool has_expired() const EXCLUDES(mutex_);

  /// The claims of the current token, looked up if none has been set.
  /// @throws KafkaTokenError
  auth::Claims claims();

 private:
  void set_token(rd_kafka_t* client, const auth::OAuthToken& token) REQUIRES(mutex_);
  std::chrono::system_clock::time_point refresh_time(const auth::OAuthToken& token);

  std::optional<auth::SciTokenRefreshManager> manager_;
  auth::OAuthCallback callback_;
  mutable Mutex mutex_;
  std::optional<auth::OAuthToken> current_ GUARDED_BY(mutex_);
};

/// A librdkafka client with its login; the common part of Producer and Consumer. Any thread.
class Client {
 public:
  struct Hooks {
    /// A delivery report, on the thread in rd_kafka_poll(). Must not throw.
    void (*delivered)(const rd_kafka_message_t* message, void* owner) = nullptr;
    /// A rebalance, on the thread in rd_kafka_consumer_poll(). Must not throw.
    void (*rebalanced)(rd_kafka_t* client, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t* partitions, void* owner) = nullptr;
    void* owner = nullptr;
  };

  /// Connects in the background.
  /// @throws std::invalid_argument, KafkaTokenError
  Client(rd_kafka_type_t type, const KafkaConnection& connection, ConfHandle config, BrokerHealth& health,
         Hooks hooks);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() const noexcept { return handle_.get(); }

  /// Runs the callbacks that are due; waits up to `timeout` for the first.
  void poll(std::chrono::milliseconds timeout);
  /// Ends a poll() that waits, or the next one.
  void wake_up() const noexcept { rd_kafka_queue_yield(main_queue_.get()); }
  /// From now on rd_kafka_consumer_poll() runs the callbacks, and poll() does nothing.
  void redirect_to_consumer_queue();

  /// From now on another thread calls poll(); list_topics() and check_for_topics() leave the callbacks to it.
  void set_polled_by_owner() noexcept { polled_by_owner_ = true; }

  /// Throws if this client cannot work: its token was rejected, or librdkafka reported a fatal error. First
  /// looks for another token.
  /// @throws KafkaAuthenticationError, KafkaTokenError, KafkaProducerError, KafkaConsumerError
  void require_health();
  /// True if require_health() has something to do.
  bool is_unhealthy() const noexcept { return health_.is_rejected() || is_fatal(); }
  /// True if this client will never work again.
  bool is_fatal() const noexcept { return fatal_.load(std::memory_order_acquire); }

  /// Looks for another token and sets it. @return false if there is none, or no usable token at all
  bool renew_token() noexcept;
  /// Looks for another token, or asks whether the broker accepts the current one again.
  /// @throws KafkaTokenError  no usable token at all
  bool try_to_recover();

  /// All topics that the broker shows, sorted.
  /// @throws KafkaConnectionError, KafkaAuthenticationError
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout);

  /// @throws KafkaTopicError  one of `topics` is missing, or, without any, the instance has none
  /// @throws as list_topics()
  void check_for_topics(const std::vector<std::string>& topics, std::string_view instance_name);

  /// The claims of the current token; none if no token is used.
  std::optional<auth::Claims> claims();

  /// Releases the librdkafka client; waits for its threads.
  void destroy() noexcept;

 private:
  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque);
  static void on_log(const rd_kafka_t*, int level, const char* facility, const char* text);
  static void on_token_due(rd_kafka_t* client, const char*, void* opaque);

  [[noreturn]] void throw_fatal() const;
  void run_callbacks(std::chrono::milliseconds timeout);
  bool broker_answers(std::chrono::milliseconds timeout) const;
  bool is_connected() const;
  MetadataHandle fetch_metadata(std::chrono::milliseconds timeout);

  BrokerHealth& health_;
  Hooks hooks_;
  rd_kafka_type_t type_;
  bool redirected_ = false;
  std::atomic<bool> polled_by_owner_{false};
  std::string bootstrap_servers_;
  std::optional<TokenSupply> tokens_;
  std::atomic<bool> fatal_{false};
  ClientHandle handle_;  // its threads call back into everything above until it is destroyed
  QueueHandle main_queue_;
};

}  // namespace gracedb::kafka
