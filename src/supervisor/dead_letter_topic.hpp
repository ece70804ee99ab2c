#pragma once

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include "kafka/transactional_producer.hpp"
#include "supervisor/dead_letter.hpp"
#include "supervisor/rejected.hpp"

#include <chrono>
#include <span>
#include <stdexcept>
#include <string>

namespace gracedb::supervisor {

struct DeadLetterTopicOptions {
  std::string pipeline;             ///< the topic, without the instance name
  kafka::ProducerOptions producer;  ///< how to connect; delivery is the topic's own matter
  kafka::ConsumerOptions consumer;  ///< the same, and the supervisors' group, which is not joined
  Reporter reporter = {};
};

/// The topic does not take these messages.
class NotTaken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Placed {
  yes,
  given_up,    ///< as `keep_waiting` said
  not_member,  ///< no: the group has gone on since the messages were let through
};

/// Sets messages aside on a topic: a letter and the group's position behind its message are one transaction,
/// so that whoever reads the partition next begins behind the message, or there is no letter. From one
/// thread.
class DeadLetterTopic {
 public:
  using KeepWaiting = kafka::TransactionalProducer::KeepWaiting;

  /// @throws std::invalid_argument, KafkaTokenError  as Producer
  explicit DeadLetterTopic(DeadLetterTopicOptions options);

  /// Returns when all of them are on the topic, or none. What lies before them on their partitions must be
  /// settled, and nobody else may commit for these partitions meanwhile. One that was given up, or has
  /// thrown, is to be tried again with the same letters, as long as their partitions are ours.
  /// @throws NotTaken    the topic is missing, forbidden, or refuses a message
  /// @throws KafkaError  for the moment it is not known whether they are there; try again
  Placed set_aside(std::span<const Rejected> letters, const KeepWaiting& keep_waiting);

  /// What is wrong with the topic, as far as the broker tells within some seconds; empty if nothing is. What
  /// the first letter needs is prepared on the way.
  /// @throws KafkaError  it tells nothing
  std::string fault();

  /// With the instance name.
  const std::string& name() const noexcept { return name_; }

 private:
  using Clock = std::chrono::steady_clock;

  Placed place(std::span<const Rejected> letters, const KeepWaiting& keep_waiting);
  bool is_there(const Rejected& letter) const;
  kafka::Transaction transaction_of(std::span<const Rejected> letters) const;

  DeadLetterTopicOptions options_;
  kafka::TransactionalProducer producer_;
  std::string name_;
  std::string refusal_;  ///< of transactions as such
  Clock::time_point refused_until_;
};

}  // namespace gracedb::supervisor
