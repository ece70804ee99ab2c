#include "supervisor/lag.hpp"

#include "core/log.hpp"

#include <algorithm>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::milliseconds;
constexpr milliseconds between_looks{1'000};
constexpr milliseconds between_questions{10'000};
/// Of the loop: it does nothing else meanwhile.
constexpr milliseconds longest_question{500};

void note(const std::vector<kafka::TopicPartition>& found, std::map<Partition, std::int64_t>& offsets) {
  for (const kafka::TopicPartition& each : found) {
    if (each.offset) offsets[{each.topic, each.partition}] = *each.offset;
  }
}

}  // namespace

std::vector<PartitionLag> LagWatch::look(kafka::GroupConsumer& consumer, const Offsets& positions,
                                         bool is_paused, Clock::time_point now) {
  next_look_ = now + between_looks;
  const auto is_foreign = [&](const auto& each) { return !positions.contains(each.first); };
  std::erase_if(ends_, is_foreign);
  std::erase_if(begins_, [&](const auto& each) { return is_foreign(each) || positions.at(each.first) >= 0; });
  if (!is_paused) note(consumer.cached_end_offsets(), ends_);
  ask(consumer, positions, is_paused, now);

  std::vector<PartitionLag> lag;
  for (const auto& [partition, end] : ends_) {
    std::int64_t position = positions.at(partition);
    if (const auto begin = begins_.find(partition); position < 0 && begin != begins_.end())
      position = begin->second;
    if (position >= 0) lag.push_back({partition, std::max<std::int64_t>(end - position, 0)});
  }
  return lag;
}

void LagWatch::ask(kafka::GroupConsumer& consumer, const Offsets& positions, bool is_paused,
                   Clock::time_point now) {
  const bool lacks_begin = std::any_of(positions.begin(), positions.end(), [&](const auto& each) {
    return each.second < 0 && !begins_.contains(each.first);
  });
  if (now < next_question_ || positions.empty() || (!is_paused && !lacks_begin)) return;
  next_question_ = now + between_questions;
  try {
    if (is_paused) note(consumer.end_offsets(longest_question), ends_);
    if (!lacks_begin) return;
    Offsets begins;
    note(consumer.beginning_offsets(longest_question), begins);
    note(consumer.committed(longest_question), begins);
    begins_.insert(begins.begin(), begins.end());
  } catch (const KafkaError& fault) {
    logger.debug("the lag is not known: {}", fault.what());
  }
}

}  // namespace gracedb::supervisor
