#pragma once

#include "gracedb/kafka/producer.hpp"

#include "supervisor/dead_letter.hpp"

#include <chrono>
#include <stdexcept>
#include <string>

namespace gracedb::supervisor {

struct DeadLetterTopicOptions {
  /// The topic, without the instance name.
  std::string pipeline;
  /// How to connect; the topic option is not used.
  kafka::ProducerOptions producer;
  Reporter reporter = {};
};

/// The topic is missing or forbidden, or refuses the message; a retry fails, too.
class DeadLetterRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes dead letters to a topic. Not thread-safe.
class DeadLetterTopic {
 public:
  /// The longest time that write() takes.
  static constexpr std::chrono::milliseconds delivery_timeout{5'000};

  /// @throws std::invalid_argument, KafkaTokenError  as Producer
  explicit DeadLetterTopic(DeadLetterTopicOptions options);

  /// Returns when the broker has acknowledged the dead letter.
  /// @throws DeadLetterRefused  not written
  /// @throws KafkaError         possibly written; retry
  void write(const kafka::Message& message, const Rejection& rejection);

  /// Why the topic cannot be used; empty if it can.
  /// @throws KafkaError  the broker does not answer
  std::string fault();

  /// With the instance name.
  const std::string& name() const noexcept { return name_; }

 private:
  DeadLetterTopicOptions options_;
  kafka::Producer producer_;
  std::string name_;
};

}  // namespace gracedb::supervisor
