#include "kafka/refill.hpp"

namespace gracedb::kafka {
namespace {

constexpr const char* pause_property = "fetch.queue.backoff.ms";
constexpr const char* pause_ms = "10";

}  // namespace

void Refill::configure(rd_kafka_conf_t* config, const Properties& given) {
  if (given.contains(pause_property)) return;
  rd_kafka_conf_set(config, pause_property, pause_ms, nullptr, 0);  // unknown to librdkafka before 2.2.0
}

Refill::Refill(rd_kafka_t* client, rd_kafka_queue_t* queue, const Assignment& assignment)
    : client_(client),
      queue_(queue),
      assignment_(assignment),
      most_messages_(number_property(rd_kafka_conf(client), "queued.min.messages")),
      most_bytes_(number_property(rd_kafka_conf(client), "queued.max.messages.kbytes") * 1000) {}

// How many bytes wait is not known; those taken last tell how long a message is.
void Refill::look() noexcept {
  const std::size_t waiting = rd_kafka_queue_length(queue_);
  const bool is_long = waiting >= most_messages_ / 2 || waiting * (bytes_ / messages_) >= most_bytes_ / 2;
  if (was_long_ && !is_long) wake();
  was_long_ = is_long;
  messages_ = 0;
  bytes_ = 0;
}

// Any request wakes the thread that fetches; nobody waits for the answer to this one, which is a small one.
void Refill::wake() const noexcept {
  const auto& partitions = assignment_.partitions();
  if (partitions.empty()) return;
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& [topic, partition] : partitions)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_END;
  rd_kafka_offsets_for_times(client_, list.get(), 0);
}

}  // namespace gracedb::kafka
