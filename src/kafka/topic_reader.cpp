#include "kafka/topic_reader.hpp"

#include "kafka/librdkafka.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gracedb::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds patience{10'000};
constexpr int patience_ms = 10'000;
constexpr int slice_ms = 200;

ConfHandle reader_config(const KafkaConnection& settings, const ConsumerOptions& options,
                         OptionFaults& faults) {
  return make_config(settings,
                     {{"client.id", "gracedb-kafka-reader"},
                      {"group.id", options.group_id.value_or("gracedb-kafka-reader")},
                      {"enable.partition.eof", "true"},
                      // Where a transaction ends the topic, only an empty answer tells that it is the end.
                      {"fetch.wait.max.ms", "10"}},
                     faults);
}

PartitionsHandle list_of(std::size_t size) {
  return PartitionsHandle(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

/// While it lives, these partitions are read.
class Reading {
 public:
  Reading(rd_kafka_t* client, const rd_kafka_topic_partition_list_t& partitions) : client_(client) {
    rd_kafka_assign(client_, &partitions);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { rd_kafka_assign(client_, nullptr); }

 private:
  rd_kafka_t* client_;
};

}  // namespace

TopicReader::TopicReader(const ConsumerOptions& options, std::string topic)
    : topic_(std::move(topic)),
      bootstrap_servers_(options.bootstrap_servers),
      health_(options.bootstrap_servers) {
  KafkaConnection settings = connection_of(options);
  settings.kafka_config["enable.auto.commit"] = "false";
  OptionFaults faults;
  ConfHandle config = reader_config(settings, options, faults);
  faults.raise("consumer options");
  client_.emplace(RD_KAFKA_CONSUMER, settings, std::move(config), health_, Client::Hooks{});
  client_->redirect_to_consumer_queue();
}

void TopicReader::require(rd_kafka_resp_err_t code, const char* what) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  client_->require_health();
  const std::string text = error_text(fmt::format("{}: {}", topic_, what), code);
  if (is_topic_error(code)) throw KafkaTopicError(text, error_code(code));
  if (is_connection_error(code) || code == RD_KAFKA_RESP_ERR__TIMED_OUT)
    throw KafkaConnectionError(text, error_code(code), true);
  throw KafkaConsumerError(text, error_code(code));
}

std::int32_t TopicReader::count_partitions() {
  const BrokerHealth::Quiet quiet(health_);
  const auto topics = client_->list_topics(patience);
  const auto found = std::find_if(topics.begin(), topics.end(),
                                  [this](const TopicInfo& each) { return each.name == topic_; });
  if (found == topics.end() || !found->error.empty()) {
    throw KafkaTopicError(
        fmt::format("{}: no topic {}, or your token may not see it", bootstrap_servers_, topic_),
        KafkaErrorCode::topic_not_found);
  }
  return found->partitions;
}

TopicReader::Spans TopicReader::spans() {
  Spans spans;
  const std::int32_t count = count_partitions();
  for (std::int32_t partition = 0; partition < count; ++partition) {
    Span& span = spans[partition];
    require(rd_kafka_query_watermark_offsets(handle(), topic_.c_str(), partition, &span.begin, &span.end,
                                             patience_ms),
            "looking for its ends");
  }
  std::erase_if(spans, [](const auto& each) { return each.second.begin >= each.second.end; });
  return spans;
}

void TopicReader::read(const std::function<void(const Message&)>& show) {
  Spans found = spans();
  if (!found.empty()) consume(std::move(found), show);
}

void TopicReader::consume(Spans left, const std::function<void(const Message&)>& show) {
  const PartitionsHandle begins = list_of(left.size());
  for (const auto& [partition, span] : left)
    rd_kafka_topic_partition_list_add(begins.get(), topic_.c_str(), partition)->offset = span.begin;
  const Reading reading(handle(), *begins);
  auto deadline = steady_clock::now() + patience;
  while (!left.empty()) {
    const MessageHandle raw(rd_kafka_consumer_poll(handle(), slice_ms));
    if (raw) {
      take(*raw, left, show);
      deadline = steady_clock::now() + patience;
      continue;
    }
    client_->require_health();
    if (steady_clock::now() >= deadline) require(RD_KAFKA_RESP_ERR__TIMED_OUT, "reading");
  }
}

void TopicReader::take(const rd_kafka_message_t& raw, Spans& left,
                       const std::function<void(const Message&)>& show) const {
  if (raw.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    left.erase(raw.partition);
    return;
  }
  if (raw.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (is_topic_error(raw.err)) throw KafkaTopicError(error_text(topic_, raw.err), error_code(raw.err));
    return;  // librdkafka goes on by itself
  }
  const auto span = left.find(raw.partition);
  if (span == left.end()) return;  // it has come after we began
  if (raw.offset < span->second.end) show(message_of(raw));
  if (raw.offset + 1 >= span->second.end) left.erase(span);
}

}  // namespace gracedb::kafka
