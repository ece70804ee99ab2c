#include "drivers/raw_kafka.hpp"

#include <array>
#include <chrono>
#include <initializer_list>
#include <stdexcept>
#include <utility>

namespace gracedb::bench {
namespace {

using Settings = std::initializer_list<std::pair<const char*, const char*>>;

void require(rd_kafka_resp_err_t code) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(code));
}

rd_kafka_conf_t* configuration(const RawBroker& broker, Settings settings) {
  rd_kafka_conf_t* config = rd_kafka_conf_new();
  const auto set = [config](const char* name, const char* value) {
    std::array<char, 512> reason{};
    if (rd_kafka_conf_set(config, name, value, reason.data(), reason.size()) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(reason.data());
  };
  set("bootstrap.servers", broker.bootstrap_servers.c_str());
  set("security.protocol", "sasl_ssl");
  set("sasl.mechanisms", "OAUTHBEARER");
  set("ssl.ca.location", broker.ca_file.c_str());
  set("socket.nagle.disable", "true");
  set("message.max.bytes", "10485760");
  for (const auto& [name, value] : settings)
    set(name, value);
  return config;
}

RawClient make_client(rd_kafka_type_t type, rd_kafka_conf_t* config, const std::string& token) {
  std::array<char, 512> reason{};
  RawClient client(rd_kafka_new(type, config, reason.data(), reason.size()));
  if (!client) throw std::runtime_error(reason.data());
  constexpr std::int64_t an_hour = 3'600'000;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  require(rd_kafka_oauthbearer_set_token(client.get(), token.c_str(), now + an_hour, "pipeline", nullptr, 0,
                                         reason.data(), reason.size()));
  return client;
}

}  // namespace

RawProducer::RawProducer(const RawBroker& broker, const char* compression, const char* linger_ms) {
  rd_kafka_conf_t* config = configuration(broker, {{"acks", "all"},
                                                   {"enable.idempotence", "true"},
                                                   {"compression.type", compression},
                                                   {"compression.level", "1"},
                                                   {"queue.buffering.max.kbytes", "32768"},
                                                   {"linger.ms", linger_ms}});
  rd_kafka_conf_set_dr_msg_cb(config, &RawProducer::on_report);
  rd_kafka_conf_set_opaque(config, this);
  client_ = make_client(RD_KAFKA_PRODUCER, config, broker.token);
}

void RawProducer::on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* producer) {
  auto& self = *static_cast<RawProducer*>(producer);
  ++(message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? self.confirmed_ : self.failed_);
}

void RawProducer::look_up(const std::string& topic) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(client_.get(), 0, handle, &metadata, 10'000);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  require(code);
}

void RawProducer::hand_over(const std::string& topic, const std::string& key, const std::string& value,
                            int flags) {
  auto* bytes = const_cast<char*>(value.data());
  while (true) {
    const auto code = rd_kafka_producev(
        client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_VALUE(bytes, value.size()),
        RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_MSGFLAGS(flags), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return require(code);
    serve(100);
  }
}

void RawProducer::deliver(const std::string& topic, const std::string& key, const std::string& value) {
  const std::size_t before = confirmed_;
  hand_over(topic, key, value, 0);
  while (confirmed_ == before && failed_ == 0)
    serve(1000);
  if (failed_ > 0) throw std::runtime_error("not delivered");
}

void RawProducer::produce(const std::string& topic, const std::string& key, const std::string& value) {
  hand_over(topic, key, value, RD_KAFKA_MSG_F_COPY);
  serve(0);
}

void RawProducer::flush() {
  require(rd_kafka_flush(client_.get(), 60'000));
  if (failed_ > 0) throw std::runtime_error("not delivered");
}

ReadTopic read_topic(const RawBroker& broker, const std::string& topic, std::size_t count) {
  const RawClient client = make_client(
      RD_KAFKA_CONSUMER,
      configuration(broker, {{"group.id", "bench-floor"}, {"enable.auto.commit", "false"}}), broker.token);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(client.get(), list);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client.get());

  ReadTopic result;
  std::chrono::steady_clock::time_point start{};
  std::array<rd_kafka_message_t*, 1000> messages{};
  for (std::size_t seen = 0; seen < count;) {
    const auto got = rd_kafka_consume_batch_queue(queue, 1000, messages.data(), messages.size());
    if (seen == 0) start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max<ssize_t>(got, 0)); ++i) {
      if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        result.bytes += messages[i]->len;
        ++seen;
      }
      rd_kafka_message_destroy(messages[i]);
    }
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  rd_kafka_queue_destroy(queue);
  return result;
}

}  // namespace gracedb::bench
