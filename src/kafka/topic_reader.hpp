#pragma once

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/message.hpp"

#include "kafka/client.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace gracedb::kafka {

/// Reads what lies on one topic, without joining the group of the options or changing anything of it. From
/// one thread.
class TopicReader {
 public:
  /// @param options  how to connect; topics, callbacks and auto-commit are not used
  /// @param topic    with the instance name
  /// @throws std::invalid_argument, KafkaTokenError  as Consumer
  TopicReader(const ConsumerOptions& options, std::string topic);

  /// Shows every message up to the end that each partition has now.
  /// @throws KafkaConnectionError      no answer for 10 s
  /// @throws KafkaTopicError           the topic is missing or may not be read
  /// @throws KafkaAuthenticationError  the broker refuses the token
  void read(const std::function<void(const Message&)>& show);

  const std::string& topic() const noexcept { return topic_; }

 private:
  struct Span {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  using Spans = std::map<std::int32_t, Span>;

  std::int32_t count_partitions();
  Spans spans();
  void consume(Spans spans, const std::function<void(const Message&)>& show);
  void take(const rd_kafka_message_t& raw, Spans& left,
            const std::function<void(const Message&)>& show) const;
  void require(rd_kafka_resp_err_t code, const char* what);
  rd_kafka_t* handle() const noexcept { return client_->handle(); }

  std::string topic_;
  std::string bootstrap_servers_;
  BrokerHealth health_;
  std::optional<Client> client_;  // reports to health_ until it is destroyed
};

}  // namespace gracedb::kafka
