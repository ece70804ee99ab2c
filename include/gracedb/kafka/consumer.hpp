#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"
#include "gracedb/kafka/message.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::kafka {

/// Receives the partitions that a rebalance assigns or revokes. Called on the thread that is in poll(),
/// stream() or close(). An exception is thrown to the caller of that method after the rebalance is done.
using PartitionCallback = std::function<void(const std::vector<TopicPartition>&)>;

/// How a Consumer connects, authenticates and reads. By default it reads only messages that arrive later.
struct ConsumerOptions {
  /// The brokers to connect to first: "host:port[,host:port...]". Required.
  /// Kafka property: bootstrap.servers
  std::string bootstrap_servers{};

  /// Pipelines to subscribe to at construction, without the instance name, e.g. {"gstlal"}.
  /// Default: none; call subscribe().
  std::vector<std::string> topics{};

  /// The first part of the topic names, e.g. "gracedb-test". Give this or service_url, not both.
  std::optional<std::string> instance_name{};

  /// The GraceDB API to derive the instance name from, e.g. "https://gracedb-test.ligo.org/api/".
  std::optional<std::string> service_url{};

  /// The consumer group. Consumers with the same group share the partitions, and a group resumes at its
  /// committed offsets. Default: a new group for each consumer, "gracedb-client-" and 8 hex digits.
  /// Kafka property: group.id
  std::optional<std::string> group_id{};

  /// Connect with TLS (SASL_SSL); otherwise without (SASL_PLAINTEXT). Default: true.
  /// Kafka property: security.protocol
  bool use_ssl = true;

  /// PEM file with the certificate authorities to trust. Default: those of the system.
  /// Kafka property: ssl.ca.location
  std::optional<std::string> ca_cert_path{};

  /// Accept a broker certificate with another host name; for development brokers only. Default: false.
  /// Kafka property: ssl.endpoint.identification.algorithm
  bool skip_hostname_verification = false;

  /// The scope that a token must have. Default: "kafka.consume".
  std::string token_scope = "kafka.consume";

  /// The audience that a token must have. Default: any host of bootstrap_servers.
  std::optional<std::string> token_audience{};

  /// Renew the token before it expires. Default: true.
  bool reload_cred = true;

  /// How long before its expiry a token is renewed. Default: 300 s.
  std::chrono::seconds reload_buffer{300};

  /// Supplies tokens instead of token discovery. Default: none.
  auth::OAuthCallback oauth_callback{};

  /// Where a group without a committed offset starts to read: "latest" or "earliest". Default: "latest".
  /// Kafka property: auto.offset.reset
  std::string auto_offset_reset = "latest";

  /// Start at the first message with this timestamp or a later one, and ignore committed offsets. Default:
  /// none.
  std::optional<std::chrono::system_clock::time_point> start_time{};

  /// Track the ends of the partitions; required for at_end(). Default: false.
  /// Kafka property: enable.partition.eof
  bool track_end = false;

  /// Look for a token at construction, and throw without one. Default: true.
  bool validate_token = true;

  /// Connect at construction, and throw if no broker answers, or if a topic is missing (without `topics`: if
  /// the instance has none). Default: true.
  bool check_for_topics = true;

  /// Called after partitions were assigned to this consumer. Default: none.
  PartitionCallback on_assigned{};

  /// Called before partitions are revoked; offsets may still be committed here. Default: none.
  PartitionCallback on_revoked{};

  /// Any librdkafka properties, applied last, e.g. {"enable.auto.commit", "false"}. Default: none. They
  /// override the defaults of this library, among them socket.timeout.ms = 10000 and
  /// max.partition.fetch.bytes = 4194304.
  std::map<std::string, std::string> kafka_config{};
};

class MessageStream;

/// Reads messages of "<instance>.<pipeline>" topics. All calls from one thread, except wakeup().
///
/// With auto-commit (the default) a message counts as processed once the next one is requested or the
/// consumer is closed, and its offset is committed only then: a message whose handling crashed is read again.
class Consumer {
 public:
  /// @throws std::invalid_argument     contradictory or unknown options; the message lists all of them
  /// @throws KafkaTokenError           no usable token (only with validate_token)
  /// @throws KafkaAuthenticationError  the broker rejects the token (only with check_for_topics)
  /// @throws KafkaConnectionError      no broker answered within 10 s (only with check_for_topics)
  /// @throws KafkaTopicError           a topic is missing or not allowed (only with check_for_topics)
  explicit Consumer(ConsumerOptions options);

  /// Closes the consumer, with a timeout of 5 s. If an exception is leaving the scope of the consumer, the
  /// current message does not count as processed.
  ~Consumer();
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;

  /// Replaces the subscription.
  /// @param topics  pipelines, without the instance name
  /// @throws std::invalid_argument  not a legal topic name
  /// @throws KafkaConsumerError     no topic given, or librdkafka rejects the subscription
  void subscribe(const std::vector<std::string>& topics);

  /// Waits up to `timeout` (negative: without limit) for the next message. Returns none on timeout, after
  /// wakeup(), and, with track_end, when all partitions have been read to their ends.
  /// @throws KafkaAuthenticationError  the broker rejected the token, and there is no new one
  /// @throws KafkaTopicError           a topic is missing or not allowed
  /// @throws KafkaConsumerError        any other failure, or the consumer is closed
  std::optional<Message> poll(std::chrono::milliseconds timeout = std::chrono::milliseconds(1000));

  /// Waits until `most` messages have arrived, `timeout` has passed or wakeup() is called, and returns the
  /// messages so far. They count as processed together.
  /// @throws as poll(); messages that had arrived are kept for the next call
  std::vector<Message> poll_batch(std::size_t most,
                                  std::chrono::milliseconds timeout = std::chrono::milliseconds(1000));

  /// The messages as an input range, for `for (const Message& message : consumer.stream())`. It ends after
  /// `count` messages, after wakeup(), with track_end when all partitions have been read to their ends, and
  /// on SIGINT or SIGTERM. The destructor of the stream restores the signal handlers.
  /// @param timeout  how long one poll of the stream lasts; it does not end the stream
  MessageStream stream(std::chrono::milliseconds timeout = std::chrono::milliseconds(1000),
                       std::optional<std::size_t> count = std::nullopt);

  /// Ends the current poll(), poll_batch() or stream(), or the next one if none is running. From any thread
  /// or from a signal handler.
  void wakeup() noexcept;

  /// Marks the message or batch last returned as not processed: its offset is not committed, and the group
  /// reads it again after the next rebalance or restart.
  void forget_current() noexcept;

  /// Commits the offsets of all messages returned so far, and waits for the broker's answer.
  /// @throws KafkaConsumerError  not committed; retriable during a rebalance
  void commit();
  /// Commits the offset of this message, which includes all before it on its partition.
  /// @throws as commit()
  void commit(const Message& message);
  /// Commits these offsets; each is the next message to read.
  /// @throws as commit()
  void commit(const std::vector<TopicPartition>& next_offsets);

  /// The partitions assigned to this consumer. Empty after close().
  std::vector<TopicPartition> assignment() const;

  /// True if every assigned partition has been read to its end (only with track_end).
  bool at_end() const;

  /// Commits the processed messages, leaves the group and releases all resources, within about `timeout`. A
  /// commit in flight is waited for even longer, until the broker answers or socket.timeout.ms has passed.
  /// @throws what on_revoked throws
  void close(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  /// The topics that the token may see, of all instances, sorted by name.
  /// @throws KafkaConnectionError, KafkaAuthenticationError
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  const std::string& group_id() const noexcept;
  const std::string& instance_name() const noexcept;

 private:
  friend class GroupConsumer;
  friend class MessageStream;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The range that Consumer::stream() returns. A consumer has at most one at a time, and must outlive it.
class MessageStream {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Message;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    const Message& operator*() const noexcept { return *stream_->current_; }
    const Message* operator->() const noexcept { return &*stream_->current_; }
    Iterator& operator++() {
      stream_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !stream_->current_.has_value(); }

   private:
    friend class MessageStream;
    explicit Iterator(MessageStream* stream) : stream_(stream) {}
    MessageStream* stream_ = nullptr;
  };

  ~MessageStream();
  MessageStream(MessageStream&&) = delete;
  MessageStream& operator=(MessageStream&&) = delete;

  /// Waits for the first message.
  /// @throws as Consumer::poll(), like operator++
  Iterator begin();
  static std::default_sentinel_t end() noexcept { return {}; }
  /// The signal that ended the stream (SIGINT or SIGTERM), or 0.
  int ended_by_signal() const noexcept;

 private:
  friend class Consumer;
  MessageStream(Consumer& consumer, std::chrono::milliseconds timeout, std::optional<std::size_t> count);
  void advance();

  struct SignalGuard;
  Consumer& consumer_;
  std::chrono::milliseconds timeout_;
  std::optional<std::size_t> remaining_;
  std::optional<Message> current_;
  std::unique_ptr<SignalGuard> signals_;
};

}  // namespace gracedb::kafka
