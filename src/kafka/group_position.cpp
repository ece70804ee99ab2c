#include "kafka/group_position.hpp"

#include "kafka/client.hpp"
#include "kafka/librdkafka.hpp"

#include <fmt/format.h>

namespace gracedb::kafka {

std::optional<std::int64_t> group_position(const ConsumerOptions& options, const TopicPartition& partition,
                                           std::chrono::milliseconds timeout) {
  OptionFaults faults;
  KafkaConnection settings = connection_of(options);
  settings.kafka_config["isolation.level"] = "read_committed";  // else it would not wait for a transaction
  ConfHandle config = make_config(settings,
                                  {{"client.id", "gracedb-kafka-reader"},
                                   {"group.id", options.group_id.value_or("gracedb-kafka-reader")}},
                                  faults);
  faults.raise("consumer options");
  BrokerHealth health(options.bootstrap_servers);
  const BrokerHealth::Quiet quiet(health);
  const Client client(RD_KAFKA_CONSUMER, settings, std::move(config), health, Client::Hooks{});
  const PartitionsHandle list = to_librdkafka(std::vector{partition});
  auto code = rd_kafka_committed(client.handle(), list.get(), static_cast<int>(timeout.count()));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = list->elems[0].err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw KafkaConsumerError(
        error_text(fmt::format("looking for the position of group {}", options.group_id.value_or("")), code),
        error_code(code), true);
  }
  return from_librdkafka(*list).front().offset;
}

}  // namespace gracedb::kafka
