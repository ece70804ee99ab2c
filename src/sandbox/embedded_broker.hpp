#pragma once

#include "sandbox/kafka_handle.hpp"

#include <string>
#include <vector>

struct rd_kafka_mock_cluster_s;

namespace gracedb::sandbox {

/// librdkafka's mock cluster with one broker: plaintext, in memory, on a free port of 127.0.0.1.
/// It keeps about 5 MiB a partition and makes a topic that somebody asks for.
class EmbeddedBroker {
 public:
  /// @throws std::runtime_error
  EmbeddedBroker(const std::vector<std::string>& topics, int partitions);

  std::string bootstrap_servers() const;

 private:
  struct ClusterFreer {
    void operator()(rd_kafka_mock_cluster_s* cluster) const;
  };

  KafkaClient client_;  // librdkafka runs the cluster on this client's threads
  std::unique_ptr<rd_kafka_mock_cluster_s, ClusterFreer> cluster_;
};

}  // namespace gracedb::sandbox
