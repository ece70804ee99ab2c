#pragma once

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include "supervisor/dead_letter.hpp"
#include "supervisor/ledger.hpp"
#include "supervisor/rejection.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace gracedb::supervisor {

struct DeadLetterTopicOptions {
  std::string pipeline;             ///< the topic, without the instance name
  kafka::ProducerOptions producer;  ///< how to connect; delivery is the topic's own matter
  kafka::ConsumerOptions consumer;  ///< the same, to look which letters are there; its group is not joined
  Reporter reporter = {};
};

/// The topic does not take this message, and it is not there.
class NotTaken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Sets messages aside on a topic, one after the other. From one thread.
class DeadLetterTopic {
 public:
  /// Asked now and then while there is no answer, with what is known of the reason; false: give up.
  using KeepWaiting = std::function<bool(const std::string& reason)>;

  /// @throws std::invalid_argument, KafkaTokenError  as Producer
  explicit DeadLetterTopic(DeadLetterTopicOptions options);

  /// Returns when the broker has confirmed the message on all replicas. One that a process before us has set
  /// aside is left alone: where a partition is new to us, the topic is looked through first.
  /// @return false: given up; the message may yet arrive if it had left
  /// @throws NotTaken    the topic is missing, forbidden, or refuses the message
  /// @throws KafkaError  for the moment it is not known whether the message is there; try again
  bool set_aside(const kafka::Message& message, const Rejection& rejection, const KeepWaiting& keep_waiting);

  /// The partition may have been somebody else's meanwhile.
  void forget(const Partition& partition) { known_.erase(partition); }

  /// What is wrong with the topic, as far as the broker tells; empty if nothing is.
  /// @throws KafkaError  it tells nothing
  std::string fault();

  /// With the instance name.
  const std::string& name() const noexcept { return name_; }

 private:
  using TimePoint = std::chrono::system_clock::time_point;
  struct Delivery;

  /// The letters of one source partition that were there when we looked.
  struct Known {
    std::optional<TimePoint> since;               ///< looked through from here on; none: from the beginning
    std::map<std::int64_t, std::size_t> letters;  ///< offset, and a hash of the value
  };

  bool is_there(const kafka::Message& message);
  void look_through(const Partition& partition, std::optional<TimePoint> since);
  std::shared_ptr<Delivery> send(const kafka::Message& message, const Rejection& rejection);
  bool wait_for(const Delivery& delivery, const KeepWaiting& keep_waiting);
  void start_over(const Partition& partition);
  kafka::Producer& producer();

  DeadLetterTopicOptions options_;
  std::string name_;
  std::map<Partition, Known> known_;
  bool can_look_ = true;
  std::unique_ptr<kafka::Producer> producer_;
};

}  // namespace gracedb::supervisor
