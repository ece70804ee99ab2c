#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

/// The exceptions of this library. A wrong argument is `std::invalid_argument`; everything else is below.
/// No message holds a token.
namespace gracedb {

/// What a KafkaError is about, independent of the client library and of the wording of its message.
enum class KafkaErrorCode {
  /// None of the below; the message says what happened.
  other,
  /// The broker rejected the token, or there is none.
  authentication_failed,
  /// The topic does not exist, or the token may not see it.
  topic_not_found,
  /// The token may not use the topic.
  topic_forbidden,
  /// The topic has fewer partitions.
  partition_not_found,
  /// The token may not use the consumer group.
  group_forbidden,
  /// The group is reassigning its partitions.
  rebalance_in_progress,
  /// The message is larger than the producer or the topic accepts.
  message_too_large,
  /// The producer's queue is full.
  queue_full,
  /// No answer within the time allowed.
  timed_out,
  /// A host name of bootstrap_servers cannot be resolved.
  host_not_found,
  /// The TLS handshake failed, for example on the certificate.
  tls_failed,
  /// No broker can be reached.
  broker_unreachable,
};

/// The enumerator's name, for example "topic_not_found".
const char* to_string(KafkaErrorCode code) noexcept;

/// Base of every Kafka failure. The message says what happened, where, and what to do next.
class KafkaError : public std::runtime_error {
 public:
  explicit KafkaError(const std::string& message, KafkaErrorCode code = KafkaErrorCode::other,
                      bool retriable = false, bool fatal = false)
      : std::runtime_error(message), code_(code), retriable_(retriable), fatal_(fatal) {}

  KafkaErrorCode code() const noexcept { return code_; }
  /// True if the same call may succeed later without a change by the caller.
  bool is_retriable() const noexcept { return retriable_; }
  /// True if this producer or consumer cannot continue and must be replaced by a new one.
  bool is_fatal() const noexcept { return fatal_; }

 private:
  KafkaErrorCode code_;
  bool retriable_;
  bool fatal_;
};

/// The broker rejected the credentials, or the token of the session expired.
class KafkaAuthenticationError : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

/// No usable token was found; the message lists every place that was searched.
class KafkaTokenError : public KafkaAuthenticationError {
 public:
  using KafkaAuthenticationError::KafkaAuthenticationError;
};

/// A producer could not enqueue or send a message.
class KafkaProducerError : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

/// A message was enqueued but not delivered.
class KafkaMessageDeliveryError : public KafkaProducerError {
 public:
  explicit KafkaMessageDeliveryError(const std::string& message, KafkaErrorCode code = KafkaErrorCode::other,
                                     bool retriable = false, bool fatal = false,
                                     bool may_have_arrived = false)
      : KafkaProducerError(message, code, retriable, fatal), may_have_arrived_(may_have_arrived) {}

  /// True if the message was sent and its acknowledgement is missing: it may be on the topic.
  bool may_have_arrived() const noexcept { return may_have_arrived_; }

 private:
  bool may_have_arrived_;
};

/// The topic does not exist, or the token does not authorize its use.
class KafkaTopicError : public KafkaMessageDeliveryError {
 public:
  using KafkaMessageDeliveryError::KafkaMessageDeliveryError;
};

/// A consumer could not subscribe, read or commit.
class KafkaConsumerError : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

/// No broker could be reached.
class KafkaConnectionError : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

/// GraceDB answered with a status of 400 or above.
class HttpError : public std::runtime_error {
 public:
  using Headers = std::map<std::string, std::string>;

  HttpError(const std::string& message, int status, std::string reason, std::string body,
            Headers headers = {})
      : std::runtime_error(message),
        status_(status),
        reason_(std::move(reason)),
        body_(std::move(body)),
        headers_(std::move(headers)) {}

  /// For example 403.
  int status() const noexcept { return status_; }
  /// For example "Forbidden".
  const std::string& reason() const noexcept { return reason_; }
  /// The body of the answer as GraceDB sent it.
  const std::string& body() const noexcept { return body_; }
  /// The headers of the answer; names in lower case.
  const Headers& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::string reason_;
  std::string body_;
  Headers headers_;
};

/// GraceDB could not be reached, or did not answer in time.
class HttpConnectionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `fail_if_noauth` is set, and neither a usable token nor a usable certificate was found.
class CredentialError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace gracedb
