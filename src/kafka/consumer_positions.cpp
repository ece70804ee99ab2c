#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/consumer_impl.hpp"
#include "kafka/librdkafka.hpp"

#include <cstdint>
#include <exception>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;

/// librdkafka would try such a commit again and again until the group has its new generation, and fail then.
[[noreturn]] void throw_between_generations() {
  constexpr auto code = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
  throw KafkaConsumerError(error_text("commit", code), error_code(code), true);
}

}  // namespace

void Consumer::Impl::commit() {
  require_open();
  mark_processed();
  const auto partitions = assignment();
  if (partitions.empty()) return;
  const PartitionsHandle list = to_librdkafka(partitions);
  rd_kafka_position(handle(), list.get());
  std::vector<TopicPartition> positions = from_librdkafka(*list);
  std::erase_if(positions, [](const TopicPartition& position) { return position.offset < 0; });
  if (!positions.empty()) commit(positions);
}

void Consumer::Impl::commit(const std::vector<TopicPartition>& next_offsets) {
  require_open();
  if (group_requests_.is_joining()) throw_between_generations();
  const auto code = commit_and_wait(next_offsets);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    client_->require_health();
    throw KafkaConsumerError(error_text("commit", code), error_code(code), is_connection_error(code));
  }
}

rd_kafka_resp_err_t Consumer::Impl::commit_and_wait(const std::vector<TopicPartition>& next_offsets) {
  const QueueHandle answers(rd_kafka_queue_new(handle()));
  const PartitionsHandle list = to_librdkafka(next_offsets);
  const auto code = rd_kafka_commit_queue(handle(), list.get(), answers.get(), nullptr, nullptr);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  while (true) {
    const EventHandle event(
        rd_kafka_queue_poll(answers.get(), static_cast<int>(interruption::longest_wait.count())));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_OFFSET_COMMIT)
      return rd_kafka_event_error(event.get());
    interruption::check();
  }
}

void Consumer::Impl::commit_async(const std::vector<TopicPartition>& next_offsets) {
  require_open();
  if (group_requests_.may_be_joining()) throw_between_generations();
  const PartitionsHandle list = to_librdkafka(next_offsets);
  const auto code =
      rd_kafka_commit_queue(handle(), list.get(), queue_.get(), &Consumer::Impl::on_committed, this);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("commit", code), error_code(code));
}

void Consumer::Impl::on_committed(rd_kafka_t*, rd_kafka_resp_err_t code,
                                  rd_kafka_topic_partition_list_t* offsets, void* consumer) noexcept {
  const auto& callback = static_cast<Impl*>(consumer)->options_.on_committed;
  if (!callback) return;
  try {
    callback(offsets == nullptr ? std::vector<TopicPartition>() : from_librdkafka(*offsets),
             code == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : error_text("commit", code));
  } catch (const std::exception& fault) {
    logger.error("on_committed: {}", fault.what());
  }
}

std::vector<TopicPartition> Consumer::Impl::assignment() const {
  rd_kafka_topic_partition_list_t* found = nullptr;
  if (closed_ || rd_kafka_assignment(handle(), &found) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return from_librdkafka(*PartitionsHandle(found));
}

std::vector<TopicPartition> Consumer::Impl::committed(milliseconds timeout) {
  require_open();
  const PartitionsHandle list = to_librdkafka(assignment());
  if (list->cnt == 0) return {};
  const auto code = rd_kafka_committed(handle(), list.get(), static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("committed", code), error_code(code));
  return from_librdkafka(*list);
}

std::vector<TopicPartition> Consumer::Impl::find_edges(Edge edge, milliseconds timeout) {
  require_open();
  std::vector<TopicPartition> partitions = assignment();
  if (partitions.empty()) return {};
  for (TopicPartition& partition : partitions)
    partition.offset = edge == Edge::begin ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  const PartitionsHandle list = to_librdkafka(partitions);
  const auto code = rd_kafka_offsets_for_times(handle(), list.get(), static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("find_edges", code), error_code(code));
  return from_librdkafka(*list);
}

std::vector<TopicPartition> Consumer::Impl::known_ends() const {
  std::vector<TopicPartition> ends;
  for (TopicPartition& partition : assignment()) {
    std::int64_t begin = 0;
    const auto code = rd_kafka_get_watermark_offsets(handle(), partition.topic.c_str(), partition.partition,
                                                     &begin, &partition.offset);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && partition.offset >= 0) ends.push_back(std::move(partition));
  }
  return ends;
}

void Consumer::Impl::pause(const std::vector<TopicPartition>& partitions) {
  require_open();
  rd_kafka_pause_partitions(handle(), to_librdkafka(partitions).get());
}

void Consumer::Impl::resume(const std::vector<TopicPartition>& partitions) {
  require_open();
  const PartitionsHandle list = to_librdkafka(partitions);
  // librdkafka drops what is asked of a partition, without a word, where its own thread asks for something
  // else at the same moment, as it does in a rebalance. A partition that stayed paused would never be read
  // again.
  for (int each = 0; each < 2; ++each)
    rd_kafka_resume_partitions(handle(), list.get());
}

void Consumer::Impl::seek(const TopicPartition& position) {
  require_open();
  const PartitionsHandle list = to_librdkafka({position});
  const ErrorHandle fault(rd_kafka_seek_partitions(handle(), list.get(), 5'000));
  const auto code = fault ? rd_kafka_error_code(fault.get()) : list->elems[0].err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("seek", code), error_code(code));
}

}  // namespace gracedb::kafka
