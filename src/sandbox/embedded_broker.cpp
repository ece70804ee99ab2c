#include "sandbox/embedded_broker.hpp"

#include <librdkafka/rdkafka_mock.h>

#include <stdexcept>

namespace gracedb::sandbox {

void EmbeddedBroker::ClusterFreer::operator()(rd_kafka_mock_cluster_s* cluster) const {
  rd_kafka_mock_cluster_destroy(cluster);
}

EmbeddedBroker::EmbeddedBroker(const std::vector<std::string>& topics, int partitions)
    : client_(make_kafka_producer(make_kafka_config({{"client.id", "gracedb-sandbox-broker"}}))),
      cluster_(rd_kafka_mock_cluster_new(client_.get(), 1)) {
  if (!cluster_) throw std::runtime_error("cannot start the embedded broker");
  for (const std::string& topic : topics) {
    const auto error = rd_kafka_mock_topic_create(cluster_.get(), topic.c_str(), partitions, 1);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw std::runtime_error("cannot create topic '" + topic +
                               "' on the embedded broker: " + rd_kafka_err2str(error));
    }
  }
}

std::string EmbeddedBroker::bootstrap_servers() const {
  return rd_kafka_mock_cluster_bootstraps(cluster_.get());
}

}  // namespace gracedb::sandbox
