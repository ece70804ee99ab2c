#pragma once

#include "sandbox/kafka_handle.hpp"

#include <string>
#include <vector>

namespace gracedb::sandbox {

/// librdkafka's mock cluster with one broker: plaintext, in memory, on a free port of 127.0.0.1.
/// It keeps about 5 MiB a partition and makes a topic that somebody asks for.
class EmbeddedBroker {
 public:
  /// @throws std::runtime_error
  EmbeddedBroker(const std::vector<std::string>& topics, int partitions);

  /// "127.0.0.1:9092"
  const std::string& bootstrap_servers() const noexcept { return bootstrap_servers_; }

 private:
  KafkaClient client_;  // owns the cluster
  std::string bootstrap_servers_;
};

}  // namespace gracedb::sandbox
