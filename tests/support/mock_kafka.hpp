#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace gracedb::test_support {

/// librdkafka's mock cluster: one broker in this process, plaintext, without authentication. It creates every
/// topic that a client requests.
class MockKafka {
 public:
  MockKafka() : client_(new_client()) {
    cluster_.reset(rd_kafka_mock_cluster_new(client_.get(), 1));
    if (!cluster_) throw std::runtime_error("no mock cluster");
  }

  std::string bootstrap_servers() const { return rd_kafka_mock_cluster_bootstraps(cluster_.get()); }

  /// Creates a topic with one partition, so that its messages are ordered.
  void create_topic(const std::string& name) {
    rd_kafka_mock_topic_create(cluster_.get(), name.c_str(), 1, 1);
  }

  /// Rejects the next produce request with `error`.
  void refuse_next_message(rd_kafka_resp_err_t error) {
    constexpr std::int16_t produce_request = 0;
    rd_kafka_mock_push_request_errors(cluster_.get(), produce_request, 1, error);
  }

  /// Rejects commits with `error` until accept_commits().
  void refuse_commits(rd_kafka_resp_err_t error) { refuse_all(commit_request, error); }
  void accept_commits() { rd_kafka_mock_clear_request_errors(cluster_.get(), commit_request); }

  /// Makes OffsetFetch requests fail as unsupported.
  void disable_offset_fetch() { rd_kafka_mock_set_apiversion(cluster_.get(), position_request, -1, -1); }

  /// Accepts members, but assigns no partitions.
  void reject_sync_group() { refuse_all(sync_request, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS); }

  /// Delays every further response.
  void set_delay(std::chrono::milliseconds delay) {
    rd_kafka_mock_broker_set_rtt(cluster_.get(), 1, static_cast<int>(delay.count()));
  }

 private:
  using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
  using Cluster = std::unique_ptr<rd_kafka_mock_cluster_t, decltype(&rd_kafka_mock_cluster_destroy)>;

  static constexpr std::int16_t commit_request = 8;
  static constexpr std::int16_t position_request = 9;
  static constexpr std::int16_t sync_request = 14;

  void refuse_all(std::int16_t request, rd_kafka_resp_err_t error) {
    const std::vector<rd_kafka_resp_err_t> errors(1000, error);
    rd_kafka_mock_push_request_errors_array(cluster_.get(), request, errors.size(), errors.data());
  }

  static Client new_client() {
    Client client(rd_kafka_new(RD_KAFKA_PRODUCER, nullptr, nullptr, 0), &rd_kafka_destroy);
    if (!client) throw std::runtime_error("no librdkafka client");
    return client;
  }

  Client client_;
  Cluster cluster_{nullptr, &rd_kafka_mock_cluster_destroy};
};

}  // namespace gracedb::test_support
