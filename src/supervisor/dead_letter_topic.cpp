#include "supervisor/dead_letter_topic.hpp"

#include "gracedb/kafka/topics.hpp"

#include "core/log.hpp"
#include "kafka/topic_reader.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::milliseconds;

constexpr milliseconds between_looks{200};
constexpr milliseconds longest_look{2'000};
/// Clocks of producers and brokers differ.
constexpr std::chrono::minutes clock_margin{10};

// A message is handed over once and librdkafka does not let go of it: neither an outage nor a restart of the
// broker makes it two, nor none.
kafka::ProducerOptions with_defaults(kafka::ProducerOptions options) {
  options.topic.reset();
  options.guaranteed_delivery = true;
  options.check_for_topics = false;  // a broker that is away is waited for
  const std::map<std::string, std::string> defaults = {
      {"client.id", "gracedb-kafka-supervisor"},
      {"retries", "2147483647"},
      {"delivery.timeout.ms", "0"},
      {"message.max.bytes", "67108864"},  // the broker knows its own limit
  };
  options.kafka_config.insert(defaults.begin(), defaults.end());
  return options;
}

std::size_t hash_of(const kafka::Message& message) { return std::hash<std::string>()(message.value); }

}  // namespace

struct DeadLetterTopic::Delivery {
  bool done = false;
  std::optional<KafkaMessageDeliveryError> error = {};
};

DeadLetterTopic::DeadLetterTopic(DeadLetterTopicOptions options) : options_(std::move(options)) {
  options_.producer = with_defaults(std::move(options_.producer));
  options_.consumer.topics.clear();
  name_ = kafka::make_topic_name(producer().instance_name(), options_.pipeline);
}

kafka::Producer& DeadLetterTopic::producer() {
  if (!producer_) producer_ = std::make_unique<kafka::Producer>(options_.producer);
  return *producer_;
}

std::string DeadLetterTopic::fault() {
  const auto topics = producer().list_topics(longest_look);
  const auto found =
      std::find_if(topics.begin(), topics.end(), [&](const auto& each) { return each.name == name_; });
  if (found == topics.end()) return fmt::format("there is no topic {}, or our token may not see it", name_);
  return found->error;
}

bool DeadLetterTopic::set_aside(const kafka::Message& message, const Rejection& rejection,
                                const KeepWaiting& keep_waiting) {
  if (is_there(message)) return true;
  const auto delivery = send(message, rejection);
  if (!wait_for(*delivery, keep_waiting)) {
    start_over(Partition::of(message));
    return false;
  }
  if (!delivery->error) return true;
  if (delivery->error->may_have_arrived() || delivery->error->is_retriable()) {
    start_over(Partition::of(message));
    throw KafkaMessageDeliveryError(*delivery->error);
  }
  throw NotTaken(delivery->error->what());
}

// What is under way may have arrived, so that the next try has to look again.
void DeadLetterTopic::start_over(const Partition& partition) {
  forget(partition);
  if (producer_) producer_->close(milliseconds(0));
  producer_.reset();
}

bool DeadLetterTopic::is_there(const kafka::Message& message) {
  if (!can_look_) return false;
  const Partition partition = Partition::of(message);
  std::optional<TimePoint> since;
  if (message.timestamp) since = *message.timestamp - clock_margin;
  const auto known = known_.find(partition);
  if (known == known_.end() || (known->second.since && (!since || *since < *known->second.since)))
    look_through(partition, since);
  if (!can_look_) return false;
  const auto& letters = known_[partition].letters;
  const auto letter = letters.find(message.offset);
  return letter != letters.end() && letter->second == hash_of(message);
}

void DeadLetterTopic::look_through(const Partition& partition, std::optional<TimePoint> since) {
  Known known{.since = since, .letters = {}};
  try {
    kafka::TopicReader(options_.consumer, name_).read(since, [&](const kafka::Message& letter) {
      const auto origin = origin_of(letter.headers);
      if (!origin || origin->place.topic != partition.topic || origin->place.partition != partition.number)
        return;
      known.letters[origin->place.offset] = hash_of(letter);
    });
  } catch (const KafkaTopicError& fault) {
    if (fault.code() == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) throw NotTaken(fault.what());
    can_look_ = false;
    logger.warning(
        "{}; the dead-letter topic cannot be read, so a message that was set aside right before a crash may "
        "be "
        "there twice",
        fault.what());
    return;
  }
  known_[partition] = std::move(known);
}

std::shared_ptr<DeadLetterTopic::Delivery> DeadLetterTopic::send(const kafka::Message& message,
                                                                 const Rejection& rejection) {
  auto delivery = std::make_shared<Delivery>();
  kafka::ProduceOptions to{.topic = options_.pipeline,
                           .key = message.key,
                           .headers = dead_letter_headers(message, rejection, options_.reporter),
                           .timestamp = message.timestamp};
  to.on_delivery = [delivery](const kafka::DeliveryReport& report) {
    delivery->error = report.error;
    delivery->done = true;
  };
  try {
    producer().produce(message.value, std::move(to));
  } catch (const KafkaTopicError& fault) {
    throw NotTaken(fault.what());
  } catch (const KafkaProducerError& fault) {
    if (fault.is_fatal()) start_over(Partition::of(message));
    if (fault.is_fatal() || fault.is_retriable()) throw;
    throw NotTaken(fault.what());
  }
  return delivery;
}

bool DeadLetterTopic::wait_for(const Delivery& delivery, const KeepWaiting& keep_waiting) {
  while (!delivery.done) {
    std::string reason = fmt::format("no answer from {}", options_.producer.bootstrap_servers);
    try {
      producer_->poll(between_looks);
    } catch (const KafkaError& fault) {
      if (fault.is_fatal()) return false;
      reason = fault.what();
    }
    if (!delivery.done && !keep_waiting(reason)) return false;
  }
  return true;
}

}  // namespace gracedb::supervisor
