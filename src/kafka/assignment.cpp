#include "kafka/assignment.hpp"

#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/config.hpp"
#include "kafka/librdkafka.hpp"

#include <cstring>
#include <span>
#include <thread>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};
constexpr int lookup_timeout_ms = 10'000;
/// One of several tries to look up where the group has come to, between which a caller can be interrupted.
constexpr int try_timeout_ms = 1'000;
constexpr std::chrono::milliseconds between_tries{100};

bool is_cooperative(rd_kafka_t* client) {
  const char* protocol = rd_kafka_rebalance_protocol(client);
  return protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
}

std::span<rd_kafka_topic_partition_t> all_of(rd_kafka_topic_partition_list_t& partitions) {
  return {partitions.elems, static_cast<std::size_t>(partitions.cnt)};
}

void begin_at(std::int64_t offset, rd_kafka_topic_partition_list_t& partitions, const char* topic,
              std::int32_t partition) {
  auto* const found = rd_kafka_topic_partition_list_find(&partitions, topic, partition);
  if (found != nullptr) found->offset = offset;
}

/// Where a partition begins of which the group has committed nothing.
std::int64_t reset_position(rd_kafka_t* client) {
  const std::string where = property(rd_kafka_conf(client), "auto.offset.reset");
  if (where == "earliest" || where == "smallest" || where == "beginning") return RD_KAFKA_OFFSET_BEGINNING;
  if (where == "latest" || where == "largest" || where == "end") return RD_KAFKA_OFFSET_END;
  return RD_KAFKA_OFFSET_INVALID;
}

/// It will not be otherwise the next time.
bool is_for_good(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
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
  has_had_share_ = true;
  if (options_.start_time) begin_at_start_time(client, partitions);
  if (!is_leaving_) begin_where_committed(client, partitions);
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
  // librdkafka keeps a partition paused beyond the assignment in which that was asked for.
  rd_kafka_resume_partitions(client, &partitions);
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
                             error_code(code));
  }
  for (const auto& found : all_of(*times))
    begin_at(found.offset, partitions, found.topic, found.partition);
}

// librdkafka would look this up by itself, but ends the process where its request fails for good, as it does
// when the token has expired meanwhile (its issue 4789).
void Assignment::begin_where_committed(rd_kafka_t* client, rd_kafka_topic_partition_list_t& partitions) {
  const PartitionsHandle positions(rd_kafka_topic_partition_list_new(partitions.cnt));
  for (const auto& each : all_of(partitions)) {
    if (each.offset == RD_KAFKA_OFFSET_INVALID)
      rd_kafka_topic_partition_list_add(positions.get(), each.topic, each.partition);
  }
  if (positions->cnt == 0 || !look_up(client, *positions)) return;
  const std::int64_t reset = reset_position(client);
  for (const auto& found : all_of(*positions)) {
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    begin_at(found.offset >= 0 ? found.offset : reset, partitions, found.topic, found.partition);
  }
}

// False where librdkafka is to try it after all.
bool Assignment::look_up(rd_kafka_t* client, rd_kafka_topic_partition_list_t& positions) {
  constexpr const char* what = "looking up where the group has come to";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(lookup_timeout_ms);
  while (!wants_to_end()) {
    const auto code = rd_kafka_committed(client, &positions, try_timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (is_for_good(code)) throw KafkaConsumerError(error_text(what, code), error_code(code));
    if (rd_kafka_assignment_lost(client) != 0 || std::chrono::steady_clock::now() >= deadline) {
      log_fault(what, code);
      return false;
    }
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) std::this_thread::sleep_for(between_tries);
  }
  return false;
}

// The partitions must be taken all the same; the exception comes to the caller afterwards.
bool Assignment::wants_to_end() noexcept {
  try {
    interruption::check();
    return false;
  } catch (...) {
    callback_failure_ = std::current_exception();
    return true;
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
