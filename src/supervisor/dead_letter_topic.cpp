#include "supervisor/dead_letter_topic.hpp"

#include "gracedb/kafka/topics.hpp"

#include "kafka/group_position.hpp"
#include "supervisor/ledger.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <utility>

namespace gracedb::supervisor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_look{2'000};
/// A broker that does not allow us transactions is not asked for every letter.
constexpr std::chrono::seconds between_refusals{30};

kafka::ProducerOptions with_defaults(kafka::ProducerOptions options) {
  options.topic.reset();
  options.check_for_topics = false;  // a broker that is away is waited for
  options.kafka_config.insert({"client.id", "gracedb-kafka-supervisor"});
  return options;
}

/// Nobody else comes with it, also where several hosts have one name. It begins with the group, so that a
/// permission can name that.
std::string transactional_id(const Reporter& reporter) {
  std::random_device random;
  return fmt::format("{}-{}-{:08x}", reporter.group, reporter.process, random());
}

std::int64_t milliseconds_of(const std::optional<std::chrono::system_clock::time_point>& time) {
  if (!time) return 0;  // now
  return std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count();
}

}  // namespace

DeadLetterTopic::DeadLetterTopic(DeadLetterTopicOptions options)
    : options_(std::move(options)),
      producer_(with_defaults(options_.producer), transactional_id(options_.reporter)),
      name_(kafka::make_topic_name(producer_.instance_name(), options_.pipeline)) {}

std::string DeadLetterTopic::fault() {
  const auto topics = producer_.list_topics(longest_look);
  const auto found =
      std::find_if(topics.begin(), topics.end(), [&](const auto& each) { return each.name == name_; });
  if (found == topics.end()) return fmt::format("there is no topic {}, or our token may not see it", name_);
  if (!found->error.empty()) return found->error;
  try {
    const auto deadline = Clock::now() + longest_look;
    producer_.get_ready([&](const std::string&) { return Clock::now() < deadline; });
  } catch (const KafkaProducerError& refusal) {
    if (refusal.is_retriable()) throw;
    return refusal.what();
  }
  return {};
}

Placed DeadLetterTopic::set_aside(std::span<const Rejected> letters, const KeepWaiting& keep_waiting) {
  if (Clock::now() < refused_until_) throw NotTaken(refusal_);
  try {
    return place(letters, keep_waiting);
  } catch (const KafkaProducerError& fault) {
    if (fault.is_retriable()) throw;
    if (fault.code() == KafkaErrorCode::group_forbidden) {
      refused_until_ = Clock::now() + between_refusals;
      refusal_ = fault.what();
    }
    throw NotTaken(fault.what());
  }
}

Placed DeadLetterTopic::place(std::span<const Rejected> letters, const KeepWaiting& keep_waiting) {
  if (producer_.is_in_doubt()) {
    if (!producer_.get_ready(keep_waiting)) return Placed::given_up;
    const bool is_done = is_there(letters.front());
    producer_.doubt_is_over();
    if (is_done) return Placed::yes;
  }
  switch (producer_.commit(transaction_of(letters), keep_waiting)) {
    case kafka::TransactionEnd::committed:
      return Placed::yes;
    case kafka::TransactionEnd::not_member:
      return Placed::not_member;
    case kafka::TransactionEnd::given_up:
      break;
  }
  return Placed::given_up;
}

bool DeadLetterTopic::is_there(const Rejected& letter) const {
  const kafka::Message& message = *letter.message;
  return kafka::group_position(options_.consumer, {message.topic, message.partition, std::nullopt},
                               longest_look)
             .value_or(-1) > message.offset;
}

kafka::Transaction DeadLetterTopic::transaction_of(std::span<const Rejected> letters) const {
  kafka::Transaction transaction;
  std::map<Partition, std::int64_t> behind;
  for (const Rejected& letter : letters) {
    const kafka::Message& message = *letter.message;
    transaction.records.push_back(
        {.to = {.topic = name_,
                .key = message.key,
                .headers = dead_letter_headers(message, letter.rejection, options_.reporter),
                .timestamp_ms = milliseconds_of(message.timestamp)},
         .value = {letter.message, &message.value}});
    std::int64_t& next = behind[Partition::of(message)];
    next = std::max(next, message.offset + 1);
  }
  for (const auto& [partition, next] : behind)
    transaction.positions.push_back({partition.topic, partition.number, next});
  transaction.group_metadata = letters.front().group_metadata;
  return transaction;
}

}  // namespace gracedb::supervisor
