#include "kafka/assignment.hpp"

#include "core/log.hpp"
#include "kafka/conversions.hpp"

#include <cstring>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};
constexpr int lookup_timeout_ms = 10'000;

bool is_cooperative(rd_kafka_t* client) {
  const char* protocol = rd_kafka_rebalance_protocol(client);
  return protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
}

void log_fault(const char* what, rd_kafka_resp_err_t code) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) logger.warning("{}: {}", what, rd_kafka_err2str(code));
}

void log_fault(const char* what, ErrorHandle fault) {
  if (fault) logger.warning("{}: {}", what, rd_kafka_error_string(fault.get()));
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
      take(client, partitions);
    } else {
      give_up(client, partitions);
    }
  } catch (...) {
    callback_failure_ = std::current_exception();
  }
}

void Assignment::take(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  if (options_.start_time) begin_at_start_time(client, partitions);
  if (is_cooperative(client)) {
    log_fault("taking partitions", ErrorHandle(rd_kafka_incremental_assign(client, &partitions)));
  } else {
    log_fault("taking partitions", rd_kafka_assign(client, &partitions));
  }
  for (const TopicPartition& taken : from_librdkafka(partitions)) {
    partitions_.emplace(taken.topic, taken.partition);
    logger.info("reading {}[{}]", taken.topic, taken.partition);
  }
  tell(options_.on_assigned, partitions);
}

void Assignment::give_up(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  tell(options_.on_revoked, partitions);
  for (const TopicPartition& lost : from_librdkafka(partitions)) {
    partitions_.erase({lost.topic, lost.partition});
    ended_.erase({lost.topic, lost.partition});
  }
  if (is_cooperative(client)) {
    log_fault("giving partitions up", ErrorHandle(rd_kafka_incremental_unassign(client, &partitions)));
  } else {
    log_fault("giving partitions up", rd_kafka_assign(client, nullptr));
  }
}

void Assignment::begin_at_start_time(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  const auto time =
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.start_time->time_since_epoch()).count();
  std::vector<TopicPartition> fresh;
  for (const TopicPartition& partition : from_librdkafka(partitions)) {
    if (positioned_.emplace(partition.topic, partition.partition).second) {
      fresh.push_back({partition.topic, partition.partition, time});
    }
  }
  if (fresh.empty()) return;
  const PartitionsHandle times = to_librdkafka(fresh);
  const auto code = rd_kafka_offsets_for_times(client, times.get(), lookup_timeout_ms);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw KafkaConsumerError(std::string("looking up the offsets of a start time: ") + rd_kafka_err2str(code),
                             code);
  }
  for (const TopicPartition& found : from_librdkafka(*times)) {
    auto* const partition =
        rd_kafka_topic_partition_list_find(&partitions, found.topic.c_str(), found.partition);
    if (partition != nullptr) partition->offset = found.offset;
  }
}

void Assignment::tell(const PartitionCallback& callback,
                      const rd_kafka_topic_partition_list_t& partitions) noexcept {
  if (!callback) return;
  try {
    callback(from_librdkafka(partitions));
  } catch (...) {
    if (!callback_failure_) callback_failure_ = std::current_exception();
  }
}

void Assignment::rethrow_callback_failure() {
  if (auto failure = std::exchange(callback_failure_, nullptr)) std::rethrow_exception(failure);
}

}  // namespace gracedb::kafka
