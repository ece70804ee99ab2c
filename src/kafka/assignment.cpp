#include "kafka/assignment.hpp"

#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/librdkafka.hpp"
#include "kafka/librdkafka_workarounds.hpp"

#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};
constexpr std::chrono::milliseconds start_time_timeout{10'000};

bool is_cooperative(rd_kafka_t* client) {
  const char* protocol = rd_kafka_rebalance_protocol(client);
  return protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
}

void log_failure(const char* task, rd_kafka_resp_err_t code) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) logger.warning("{}: {}", task, rd_kafka_err2str(code));
}

void log_failure(const char* task, ErrorHandle error) {
  if (error) logger.warning("{}: {}", task, rd_kafka_error_string(error.get()));
}

}  // namespace

Client::Hooks Assignment::hooks() noexcept {
  Client::Hooks hooks;
  hooks.rebalanced = [](rd_kafka_t* client, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t* partitions, void* owner) {
    static_cast<Assignment*>(owner)->rebalance(client, code, *partitions);
  };
  hooks.owner = this;
  return hooks;
}

void Assignment::rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t& partitions) noexcept {
  try {
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      assign(client, partitions);
    } else {
      revoke(client, partitions);
    }
  } catch (...) {
    callback_error_ = std::current_exception();
  }
}

void Assignment::assign(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  was_assigned_ = true;
  if (options_.start_time) set_start_time_offsets(client, partitions);
  if (!is_leaving_) set_committed_offsets(client, partitions, [this] { return is_interrupted(); });
  if (is_cooperative(client)) {
    log_failure("assigning partitions", ErrorHandle(rd_kafka_incremental_assign(client, &partitions)));
  } else {
    log_failure("assigning partitions", rd_kafka_assign(client, &partitions));
  }
  for (const TopicPartition& assigned : from_librdkafka(partitions)) {
    partitions_.emplace(assigned.topic, assigned.partition);
    logger.info("reading {}[{}]", assigned.topic, assigned.partition);
  }
  notify(options_.on_assigned, partitions);
}

void Assignment::revoke(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  notify(options_.on_revoked, partitions);
  // A paused partition would still be paused when it is assigned again (librdkafka issue 1849).
  rd_kafka_resume_partitions(client, &partitions);
  for (const TopicPartition& revoked : from_librdkafka(partitions)) {
    partitions_.erase({revoked.topic, revoked.partition});
    ended_.erase({revoked.topic, revoked.partition});
  }
  if (is_cooperative(client)) {
    log_failure("unassigning partitions", ErrorHandle(rd_kafka_incremental_unassign(client, &partitions)));
  } else {
    log_failure("unassigning partitions", rd_kafka_assign(client, nullptr));
  }
}

void Assignment::set_start_time_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  std::vector<TopicPartition> starting = from_librdkafka(partitions);
  std::erase_if(starting, [this](const TopicPartition& each) {
    return !started_.emplace(each.topic, each.partition).second;
  });
  const auto time =
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.start_time->time_since_epoch()).count();
  for (const TopicPartition& found : request_offsets(client, std::move(starting), time, start_time_timeout)) {
    rd_kafka_topic_partition_list_set_offset(&partitions, found.topic.c_str(), found.partition,
                                             found.offset.value_or(RD_KAFKA_OFFSET_END));
  }
}

// The rebalance must be finished even then; the caller receives the exception afterwards.
bool Assignment::is_interrupted() noexcept {
  try {
    interruption::check();
    return false;
  } catch (...) {
    callback_error_ = std::current_exception();
    return true;
  }
}

void Assignment::notify(const PartitionCallback& callback,
                        const rd_kafka_topic_partition_list_t& partitions) noexcept {
  if (!callback) return;
  try {
    callback(from_librdkafka(partitions));
  } catch (...) {
    if (!callback_error_) callback_error_ = std::current_exception();
  }
}

void Assignment::rethrow_callback_error() {
  if (auto error = std::exchange(callback_error_, nullptr)) std::rethrow_exception(error);
}

std::vector<TopicPartition> request_offsets(rd_kafka_t* client, std::vector<TopicPartition> partitions,
                                            std::int64_t at, std::chrono::milliseconds timeout) {
  if (partitions.empty()) return {};
  for (TopicPartition& partition : partitions)
    partition.offset = at;
  const PartitionsHandle list = to_librdkafka(partitions);
  const auto code = rd_kafka_offsets_for_times(client, list.get(), static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw KafkaConsumerError(error_text("requesting offsets", code), error_code(code));
  return from_librdkafka(*list);
}

}  // namespace gracedb::kafka
