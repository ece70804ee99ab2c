#include "supervisor/dead_letter_topic.hpp"

#include "gracedb/errors.hpp"
#include "gracedb/kafka/topics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr std::chrono::milliseconds list_timeout{2'000};

kafka::ProducerOptions with_defaults(kafka::ProducerOptions options) {
  options.topic.reset();
  options.check_for_topics = false;  // the supervisor starts while the broker is away
  options.flush_timeout = DeadLetterTopic::delivery_timeout;
  options.kafka_config.insert({"client.id", "gracedb-kafka-supervisor"});
  options.kafka_config.insert({"message.max.bytes", "67108864"});  // the broker checks its own limit
  return options;
}

}  // namespace

DeadLetterTopic::DeadLetterTopic(DeadLetterTopicOptions options)
    : options_(std::move(options)),
      producer_(with_defaults(options_.producer)),
      name_(kafka::make_topic_name(producer_.instance_name(), options_.pipeline)) {}

void DeadLetterTopic::write(const kafka::Message& message, const Rejection& rejection) {
  try {
    producer_.deliver(message.value, {.topic = options_.pipeline,
                                      .key = message.key,
                                      .headers = dead_letter_headers(message, rejection, options_.reporter),
                                      .timestamp = message.timestamp});
  } catch (const KafkaProducerError& fault) {
    if (fault.is_retriable() || fault.is_fatal()) throw;
    throw DeadLetterRefused(fault.what());
  }
}

std::string DeadLetterTopic::fault() {
  const auto topics = producer_.list_topics(list_timeout);
  const auto found =
      std::find_if(topics.begin(), topics.end(), [&](const auto& each) { return each.name == name_; });
  if (found == topics.end()) return fmt::format("there is no topic {}, or our token may not see it", name_);
  return found->error;
}

}  // namespace gracedb::supervisor
