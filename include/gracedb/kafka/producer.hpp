#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"
#include "gracedb/kafka/message.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::kafka {

/// How a Producer connects, authenticates and delivers. Give what differs from the defaults.
struct ProducerOptions {
  std::string bootstrap_servers{};     ///< "host:port[,host:port…]"
  std::optional<std::string> topic{};  ///< default pipeline, e.g. "gstlal"; namespaced with the instance name
  std::optional<std::string> instance_name{};  ///< exactly one of instance_name and service_url
  std::optional<std::string> service_url{};    ///< e.g. "https://gracedb-test.ligo.org/api/"

  bool use_ssl = true;                        ///< SASL_SSL; SASL_PLAINTEXT where false
  std::optional<std::string> ca_cert_path{};  ///< PEM file; default: the system's certificates
  bool skip_hostname_verification = false;    ///< for a development broker whose certificate has another name

  std::string token_scope = "kafka.produce";
  std::optional<std::string> token_audience{};  ///< default: any host of bootstrap_servers
  bool reload_cred = true;                      ///< renew the token ahead of its expiry
  std::chrono::seconds reload_buffer{300};      ///< renew a token this long before its `exp`
  auth::OAuthCallback oauth_callback{};         ///< supplies tokens instead of discovery, if given

  /// How long GraceDb::create_event() waits for the broker's confirmation.
  std::chrono::milliseconds flush_timeout{10'000};
  /// acks=all, enable.idempotence=true, max.in.flight=1, retries=5, retry.backoff.ms=200,
  /// delivery.timeout.ms=30000, request.timeout.ms=10000. Without it messages may be lost or doubled.
  bool guaranteed_delivery = true;
  /// How long produce() waits for room in its queue before it throws. The queue has 32 MiB, unless
  /// queue.buffering.max.kbytes in `kafka_config` says otherwise, and librdkafka's 100,000 messages.
  std::chrono::milliseconds queue_full_timeout{10'000};

  bool validate_token = true;  ///< look a token up at construction and fail at once without one
  bool check_for_topics =
      true;  ///< at construction: reach the broker, and find the topic (or any of the instance)

  /// Any librdkafka property, applied last. With security.protocol=plaintext no token is needed.
  std::map<std::string, std::string> kafka_config{};
};

/// What became of one message.
struct DeliveryReport {
  std::string topic{};
  std::int32_t partition = -1;
  std::int64_t offset = -1001;
  std::string_view key{};    ///< valid during the callback only
  std::string_view value{};  ///< valid during the callback only
  /// Empty if the broker has confirmed the message.
  std::optional<KafkaMessageDeliveryError> error{};
};

/// Called once for each message, on the thread that is in produce(), poll(), flush(), deliver() or close().
/// An exception thrown here does not disturb delivery; the first one is rethrown by that call when it is
/// done.
using DeliveryCallback = std::function<void(const DeliveryReport&)>;

struct ProduceOptions {
  std::optional<std::string> topic{};  ///< pipeline; default: ProducerOptions::topic
  std::optional<std::string> key{};    ///< messages of one key keep their order
  Headers headers{};
  std::optional<std::int32_t> partition{};                           ///< default: chosen from the key
  std::optional<std::chrono::system_clock::time_point> timestamp{};  ///< default: now
  DeliveryCallback on_delivery{};
};

struct PingResult {
  std::string topic{};
  std::int32_t partition = -1;
  std::int64_t offset = -1001;
  std::string message{};  ///< the JSON text that was sent
};

struct Ticket;

/// A message on its way, from Producer::begin_delivery() to Producer::finish_delivery().
class Delivery {
 public:
  /// True once its outcome is known, so that finish_delivery() does not wait.
  bool is_done() const noexcept;

 private:
  friend class Producer;
  explicit Delivery(std::shared_ptr<Ticket> ticket) : ticket_(std::move(ticket)) {}
  std::shared_ptr<Ticket> ticket_;
};

/// A wait without end.
inline constexpr std::chrono::milliseconds forever{-1};

/// Publishes messages to "<instance>.<pipeline>" topics. Safe to share between threads.
///
/// The connection is made and the token renewed in the background, whether or not anybody calls. When the
/// broker refuses the token, produce(), flush() and poll() throw KafkaAuthenticationError until a token is
/// accepted; each such call looks for a fresh token first, so putting one in place is all it takes.
class Producer {
 public:
  /// @throws std::invalid_argument     contradictory or unknown options; the message lists every fault
  /// @throws KafkaTokenError           no usable token (only with validate_token)
  /// @throws KafkaAuthenticationError  the broker refuses the token (only with check_for_topics)
  /// @throws KafkaConnectionError      no broker answered within 10 s (only with check_for_topics)
  /// @throws KafkaTopicError           no such topic, or none of this instance (only with check_for_topics)
  explicit Producer(ProducerOptions options);

  /// Closes with a bound of 5 s and logs what was lost.
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  /// Queues one message and returns; the outcome is reported to `options.on_delivery`. It may wait 5 ms for
  /// company (`linger.ms`), so that many are sent together; deliver() does not.
  /// @throws std::invalid_argument     no topic given and no default set
  /// @throws KafkaAuthenticationError  the broker has refused the token, and there is no fresh one
  /// @throws KafkaProducerError        the queue stayed full for queue_full_timeout, the message is larger
  /// than
  ///                                   message_limit(), or the producer is closed; nothing was queued
  void produce(Payload value, ProduceOptions options = {});

  /// Sends one message and waits for the broker's answer to that message alone. If it fails or `timeout`
  /// passes, the message is withdrawn; messages of produce() are not touched by that, and other deliver()s
  /// under way go on. One of those whose answer was outstanding is sent again and may be on the topic twice:
  /// use keys or content by which a reader knows it, as the supervisor does.
  /// @throws KafkaMessageDeliveryError  not confirmed; may_have_arrived() tells whether it had left already
  /// @throws KafkaTopicError            the topic is missing or not allowed
  /// @throws KafkaAuthenticationError   the broker refuses the token; the message was withdrawn
  /// @throws as produce() otherwise
  DeliveryReport deliver(Payload value, ProduceOptions options, std::chrono::milliseconds timeout);

  /// The first half of deliver(), for many messages at a time: queues the message and returns. `timeout`
  /// begins here. A delivery that is never finished is reported to nobody; the message is sent all the same.
  /// @throws as produce()
  Delivery begin_delivery(Payload value, ProduceOptions options, std::chrono::milliseconds timeout);
  /// The second half: waits for the broker's answer. Where the time of this message has passed, the messages
  /// of other deliveries whose time has passed are withdrawn with it.
  /// @throws as deliver()
  DeliveryReport finish_delivery(const Delivery& delivery);

  /// Runs delivery callbacks; waits up to `timeout` for the first.
  /// @return how many were run
  /// @throws KafkaAuthenticationError  as for produce()
  int poll(std::chrono::milliseconds timeout = std::chrono::milliseconds(0));

  /// Waits until every message is delivered or has failed, at most `timeout`.
  /// @param strict  throw KafkaMessageDeliveryError where messages remain or have failed since the last
  /// flush,
  ///                with the last error and a hint, instead of returning their number
  /// @return how many messages are still pending; look at it
  /// @throws KafkaAuthenticationError  as for produce()
  std::size_t flush(std::chrono::milliseconds timeout = forever, bool strict = false);

  /// Flushes for at most `timeout` and releases everything. Messages still pending are reported as failed and
  /// logged. Later calls do nothing.
  /// @return how many messages were lost
  std::size_t close(std::chrono::milliseconds timeout = std::chrono::milliseconds(30'000));

  /// Messages queued or on their way, and reports not yet run.
  std::size_t pending_messages() const;

  /// Sends a ping message and waits for its confirmation: the whole way through token, TLS, SASL and topic.
  /// @param topic  default: the default topic, else "test"
  /// @throws as deliver()
  PingResult ping(const std::optional<std::string>& topic = std::nullopt,
                  std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  /// The topics the broker shows to this token, of every instance, sorted by name.
  /// @throws KafkaConnectionError, KafkaAuthenticationError
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  const std::string& instance_name() const noexcept;
  const std::string& bootstrap_servers() const noexcept;
  std::chrono::milliseconds flush_timeout() const noexcept;
  /// The largest message in bytes, headers and framing included: librdkafka's message.max.bytes, but not more
  /// than the queue takes (queue.buffering.max.kbytes).
  std::size_t message_limit() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::kafka
