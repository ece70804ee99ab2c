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

/// Called on the thread that is in poll(), stream() or close().
using PartitionCallback = std::function<void(const std::vector<TopicPartition>&)>;

/// The outcome of commit_async(): the positions, and an empty text or why the broker has not taken them.
/// Called on the thread that is in poll(). Must not throw.
using CommitCallback = std::function<void(const std::vector<TopicPartition>&, const std::string& failure)>;

/// How a Consumer connects, authenticates and reads. By default it shows what arrives from now on.
struct ConsumerOptions {
  std::string bootstrap_servers{};  ///< "host:port[,host:port…]"
  std::vector<std::string>
      topics{};  ///< pipelines to subscribe to at once; namespaced with the instance name
  std::optional<std::string> instance_name{};  ///< exactly one of instance_name and service_url
  std::optional<std::string> service_url{};    ///< e.g. "https://gracedb-test.ligo.org/api/"
  /// A stable name resumes where the group left off and shares the partitions with its other members.
  /// Default: a new group for each consumer, "gracedb-client-" and 8 hex digits.
  std::optional<std::string> group_id{};

  bool use_ssl = true;                        ///< SASL_SSL; SASL_PLAINTEXT where false
  std::optional<std::string> ca_cert_path{};  ///< PEM file; default: the system's certificates
  bool skip_hostname_verification = false;    ///< for a development broker whose certificate has another name

  std::string token_scope = "kafka.consume";
  std::optional<std::string> token_audience{};  ///< default: any host of bootstrap_servers
  bool reload_cred = true;                      ///< renew the token ahead of its expiry
  std::chrono::seconds reload_buffer{300};      ///< renew a token this long before its `exp`
  auth::OAuthCallback oauth_callback{};         ///< supplies tokens instead of discovery, if given

  /// Where a group without a committed offset begins: "latest" or "earliest".
  std::string auto_offset_reset = "latest";
  /// Begin at the first message with this timestamp or later instead, whatever the group has committed.
  std::optional<std::chrono::system_clock::time_point> start_time{};
  bool track_end = false;  ///< needed for at_end()

  bool validate_token = true;  ///< look a token up at construction and fail at once without one
  bool check_for_topics =
      true;  ///< at construction: reach the broker, and find the topics (or any of the instance)

  PartitionCallback on_assigned{};  ///< partitions this consumer now reads
  PartitionCallback on_revoked{};   ///< partitions about to be given up; offsets may still be committed here
  CommitCallback on_committed{};    ///< the outcome of commit_async()

  /// Any librdkafka property, applied last, e.g. {"enable.auto.commit", "false"}. A request that is not
  /// answered fails after 10 s (socket.timeout.ms) where nothing else is said.
  std::map<std::string, std::string> kafka_config{};
};

class MessageStream;

/// The ends of a partition: its oldest message that is still there, and where the next one will be written.
enum class Edge { begin, end };

/// Reads messages of "<instance>.<pipeline>" topics. All calls from one thread, except stop().
///
/// With auto-commit (the default) a message counts as processed when the next one is asked for or the
/// consumer is closed, and only then is its offset committed: a crash while handling a message shows it
/// again.
class Consumer {
 public:
  /// @throws std::invalid_argument     contradictory or unknown options; the message lists every fault
  /// @throws KafkaTokenError           no usable token (only with validate_token)
  /// @throws KafkaAuthenticationError  the broker refuses the token (only with check_for_topics)
  /// @throws KafkaConnectionError      no broker answered within 10 s (only with check_for_topics)
  /// @throws KafkaTopicError           a topic is missing or not allowed (only with check_for_topics)
  explicit Consumer(ConsumerOptions options);

  /// Closes with a bound of 5 s.
  ~Consumer();
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;

  /// Subscribes to these pipelines instead of the former ones.
  /// @throws KafkaConsumerError  no topic given, or librdkafka refuses
  void subscribe(const std::vector<std::string>& topics);

  /// The next message, or none within `timeout`, or none because stop() was called.
  /// @throws KafkaAuthenticationError  the broker has refused the token, and there is no fresh one
  /// @throws KafkaTopicError           a topic is missing or not allowed
  /// @throws KafkaConsumerError        any other failure, or closed
  std::optional<Message> poll(std::chrono::milliseconds timeout = std::chrono::milliseconds(1000));

  /// Up to `most` messages: all that arrive until there are so many, `timeout` has passed or stop() is
  /// called. They count as processed together, when more are asked for.
  /// @throws as poll(); messages that had arrived are kept for the next call
  std::vector<Message> poll_batch(std::size_t most,
                                  std::chrono::milliseconds timeout = std::chrono::milliseconds(1000));

  /// The messages as an input range, for `for (const Message& message : consumer.stream())`. It ends after
  /// `count` messages, after stop(), with track_end once every partition has been read to its end, or at
  /// SIGINT or SIGTERM, whose former handlers are put back when the stream is destroyed.
  /// @param timeout  how long one inner poll lasts; the stream ends sooner when told to
  MessageStream stream(std::chrono::milliseconds timeout = std::chrono::milliseconds(1000),
                       std::optional<std::size_t> count = std::nullopt);

  /// Ends the stream or poll under way, from any thread or a signal handler; without one, the next.
  void stop() noexcept;

  /// The message handed out last has not been processed after all: its offset is not committed, and the group
  /// is shown it again. An exception that leaves the loop over stream() has the same effect on the
  /// destructor.
  void forget_current() noexcept;

  /// Commits every message polled so far, and waits for the broker's answer.
  /// @throws KafkaConsumerError  not committed; retriable while the group is sharing its partitions out anew
  void commit();
  /// Commits this message and all before it on its partition.
  void commit(const Message& message);
  /// Commits these positions: `offset` is the next message to read.
  void commit(const std::vector<TopicPartition>& next_offsets);
  /// The same without waiting for the answer, which goes to `on_committed`.
  /// @throws KafkaConsumerError  retriable while the group is sharing its partitions out anew or may be about
  ///   to, which is for 200 ms after each heartbeat
  void commit_async(const std::vector<TopicPartition>& next_offsets);

  /// The partitions this consumer reads now.
  std::vector<TopicPartition> assignment() const;
  /// What the group has committed of them: the next message to read, a negative offset where nothing is.
  /// @throws KafkaConsumerError  the broker has not told within `timeout`
  std::vector<TopicPartition> committed(std::chrono::milliseconds timeout);
  /// Their edges, asked of the broker.
  /// @throws KafkaConsumerError  the broker has not told within `timeout`
  std::vector<TopicPartition> find_edges(Edge edge, std::chrono::milliseconds timeout);
  /// Their ends as the broker told them along with messages, without a request. It tells nothing while they
  /// are paused; partitions of which nothing is known are left out.
  std::vector<TopicPartition> known_ends() const;
  /// True if every assigned partition has been read to its end (only with track_end).
  bool at_end() const;
  /// Stops and resumes fetching, while poll() keeps the consumer in its group. What is given up and taken
  /// again is not paused any more.
  void pause(const std::vector<TopicPartition>& partitions);
  void resume(const std::vector<TopicPartition>& partitions);
  /// Reads on from `position.offset` of an assigned partition.
  void seek(const TopicPartition& position);

  /// Commits what is processed, leaves the group and releases everything, in at most about `timeout`; but
  /// while a broker owes the answer to a commit, only after it, or after socket.timeout.ms (10 s unless set
  /// in `kafka_config`).
  void close(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  /// The topics the broker shows to this token, of every instance, sorted by name.
  /// @throws KafkaConnectionError, KafkaAuthenticationError
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  const std::string& group_id() const noexcept;
  const std::string& instance_name() const noexcept;

 private:
  friend class MessageStream;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What Consumer::stream() gives. One at a time for a consumer, which must outlive it.
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
  Iterator begin();
  static std::default_sentinel_t end() noexcept { return {}; }
  /// SIGINT or SIGTERM where that has ended the stream; else 0.
  int ended_by_signal() const noexcept;

 private:
  friend class Consumer;
  MessageStream(Consumer& consumer, std::chrono::milliseconds timeout, std::optional<std::size_t> count);
  void advance();

  struct SignalGuard;
  Consumer& consumer_;
  std::chrono::milliseconds timeout_;
  std::optional<std::size_t> left_;
  std::optional<Message> current_;
  std::unique_ptr<SignalGuard> signals_;
};

}  // namespace gracedb::kafka
