#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"
#include "gracedb/kafka/message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::kafka {

/// How a Producer connects, logs in and delivers. Set what differs from the defaults.
struct ProducerOptions {
  /// "host:port[,host:port…]" (`bootstrap.servers`).
  std::string bootstrap_servers{};

  /// Default pipeline of produce() and deliver(), for example "gstlal". The topic is "<instance>.<pipeline>".
  std::optional<std::string> topic{};

  /// The GraceDB instance, for example "gracedb-test". Set exactly one of instance_name and service_url.
  std::optional<std::string> instance_name{};

  /// Service URL that the instance name is derived from, for example "https://gracedb-test.ligo.org/api/".
  std::optional<std::string> service_url{};

  /// Encrypt by TLS (`security.protocol`: `sasl_ssl`, else `sasl_plaintext`).
  bool use_ssl = true;

  /// PEM file with the certificate authorities to trust (`ssl.ca.location`). Default: those of the system.
  std::optional<std::string> ca_cert_path{};

  /// Accept a certificate for another host name (`ssl.endpoint.identification.algorithm=none`). Only for development.
  bool skip_hostname_verification = false;

  /// The scope that a token must have.
  std::string token_scope = "kafka.produce";

  /// The audience that a token must have. Default: any host of `bootstrap_servers`.
  std::optional<std::string> token_audience{};

  /// Renew the token before it expires.
  bool reload_cred = true;

  /// How long before its expiry a token is renewed, in seconds.
  std::chrono::seconds reload_buffer{300};

  /// Supplies tokens instead of discovery. Called on a background thread.
  auth::OAuthCallback oauth_callback{};

  /// How long an event is tried, in milliseconds (`message.timeout.ms` of create_event(), deliver() and ping()).
  /// After this time librdkafka gives the message up and never sends it again.
  std::chrono::milliseconds flush_timeout{10'000};

  /// `acks=all`, `enable.idempotence=true`, `max.in.flight=1`, `retry.backoff.ms=200`,
  /// `delivery.timeout.ms=30000` (produce()) and `request.timeout.ms=10000`. Retries end with the delivery
  /// timeout, not with their number. Without it messages may be lost or duplicated.
  bool guaranteed_delivery = true;

  /// How long produce() and deliver() wait while the queue is full, in milliseconds. The queue holds 128 MiB
  /// (`queue.buffering.max.kbytes`) and 100,000 messages (`queue.buffering.max.messages`).
  std::chrono::milliseconds queue_full_timeout{10'000};

  /// Look for a token at construction and fail at once without one.
  bool validate_token = true;

  /// At construction, connect to the broker and look for `topic`, or for any topic of the instance.
  bool check_for_topics = true;

  /// Any librdkafka property, applied last. With `security.protocol=plaintext` no token is needed.
  std::map<std::string, std::string> kafka_config{};
};

/// The result of one message.
struct DeliveryReport {
  /// With the instance name, for example "gracedb-test.gstlal".
  std::string topic{};
  std::int32_t partition = -1;
  /// Set if the broker has acknowledged the message.
  std::optional<std::int64_t> offset{};
  /// Valid during the callback only.
  std::string_view key{};
  /// Valid during the callback only.
  std::string_view value{};
  /// Empty if the broker has acknowledged the message.
  std::optional<KafkaMessageDeliveryError> error{};
};

/// Called once for each message, on a thread of the producer. It may call produce(); calls that wait (deliver,
/// flush, poll, close, ping) throw KafkaProducerError there. An exception that it throws does not disturb
/// delivery: the next produce(), poll(), flush() or close() throws the first one.
using DeliveryCallback = std::function<void(const DeliveryReport&)>;

struct ProduceOptions {
  /// Pipeline, for example "gstlal". Default: ProducerOptions::topic.
  std::optional<std::string> topic{};
  /// Messages with the same key keep their order.
  std::optional<std::string> key{};
  Headers headers{};
  /// Default: chosen by the key.
  std::optional<std::int32_t> partition{};
  /// UTC. Default: now.
  std::optional<std::chrono::system_clock::time_point> timestamp{};
  DeliveryCallback on_delivery{};
};

struct PingResult {
  std::string topic{};
  std::int32_t partition = -1;
  std::int64_t offset = 0;
  /// The JSON text that was sent.
  std::string message{};
};

/// A wait without limit.
inline constexpr std::chrono::milliseconds forever{-1};

/// Publishes messages to "<instance>.<pipeline>" topics. Safe to share between threads.
///
/// A thread of the producer receives the delivery reports and runs the callbacks, whether or not the program
/// calls. When the broker rejects the token, produce(), flush() and poll() throw KafkaAuthenticationError until
/// a token is accepted; each such call looks for a new token first, so it is enough to put one in place.
class Producer {
 public:
  /// @throws std::invalid_argument     contradictory or unknown options; the message lists every fault
  /// @throws KafkaTokenError           no usable token (only with validate_token)
  /// @throws KafkaAuthenticationError  the broker rejects the token (only with check_for_topics)
  /// @throws KafkaConnectionError      no broker answered within 10 s (only with check_for_topics)
  /// @throws KafkaTopicError           no such topic, or none of this instance (only with check_for_topics)
  explicit Producer(ProducerOptions options);

  /// Closes within 5 s and logs how many messages were not delivered.
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  /// Queues one message and returns; `options.on_delivery` receives its result.
  /// @throws std::invalid_argument     no topic given and no default set
  /// @throws KafkaAuthenticationError  the broker rejects the token, and there is no new one
  /// @throws KafkaProducerError        the queue stayed full for queue_full_timeout, the message is larger than
  ///                                   message_limit(), or the producer is closed; nothing was queued
  void produce(Payload value, ProduceOptions options = {});

  /// Sends one message and waits until the broker acknowledges it or librdkafka gives it up after
  /// flush_timeout; once given up it is never sent. An Interruptible of this thread ends the wait, not the
  /// delivery.
  /// @throws KafkaMessageDeliveryError  not acknowledged; see may_have_arrived()
  /// @throws KafkaTopicError            the topic is missing or forbidden
  /// @throws KafkaAuthenticationError   the broker rejects the token
  /// @throws as produce() otherwise
  DeliveryReport deliver(Payload value, ProduceOptions options = {});

  /// Waits up to `timeout` for results that no earlier poll() has counted.
  /// @return how many messages were acknowledged or have failed since the last poll()
  /// @throws KafkaAuthenticationError  as for produce()
  std::size_t poll(std::chrono::milliseconds timeout = std::chrono::milliseconds(0));

  /// Waits until every message is acknowledged or has failed and its callback has returned, at most `timeout`.
  /// @param strict  throw KafkaMessageDeliveryError if messages are pending or have failed since the last
  ///                flush, with the last error and a hint
  /// @return the number of pending messages
  /// @throws KafkaAuthenticationError  as for produce()
  std::size_t flush(std::chrono::milliseconds timeout = forever, bool strict = false);

  /// Flushes for at most `timeout` and releases everything. Messages still pending are reported as failed and
  /// logged. Later calls do nothing.
  /// @return the number of messages that were not delivered
  /// @throws KafkaProducerError  called from a delivery callback; the producer stays open
  std::size_t close(std::chrono::milliseconds timeout = std::chrono::milliseconds(30'000));

  /// The number of messages without a result, or whose callback has not returned.
  std::size_t pending_messages() const;

  /// Sends a ping message and waits for its acknowledgement: a test of token, TLS, SASL and topic.
  /// @param topic    default: the default topic, else "test"
  /// @param timeout  in milliseconds; flush_timeout limits it
  /// @throws as deliver()
  PingResult ping(const std::optional<std::string>& topic = std::nullopt,
                  std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  /// The topics that the broker shows to this token, of every instance, sorted by name.
  /// @throws KafkaConnectionError, KafkaAuthenticationError
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

  const std::string& instance_name() const noexcept;
  const std::string& bootstrap_servers() const noexcept;
  std::chrono::milliseconds flush_timeout() const noexcept;
  /// The largest message in bytes, headers and framing included: `message.max.bytes`, but at most the size of
  /// the queue (`queue.buffering.max.kbytes`).
  std::size_t message_limit() const noexcept;

 private:
  friend class PendingDelivery;
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gracedb::kafka
