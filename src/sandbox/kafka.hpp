#pragma once

#include "sandbox/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// The sandbox's Kafka side: an embedded broker, and the producer of igwn-alerts.
namespace gracedb::sandbox {

/// librdkafka's mock cluster with one broker: plaintext, in memory, on a free port of 127.0.0.1. It keeps
/// about 5 MiB a partition and creates a topic at the first request for it.
class EmbeddedBroker {
 public:
  /// @throws std::runtime_error  librdkafka cannot start the cluster
  EmbeddedBroker(const std::vector<std::string>& topics, int partitions);
  ~EmbeddedBroker();
  EmbeddedBroker(const EmbeddedBroker&) = delete;
  EmbeddedBroker& operator=(const EmbeddedBroker&) = delete;

  /// "127.0.0.1:9092"
  const std::string& bootstrap_servers() const noexcept;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// Publishes igwn-alerts. A failure is only logged, because the store keeps every alert.
class AlertPublisher {
 public:
  struct BearerToken {
    std::string token;
    TimePoint expires;
    std::string subject;
  };
  /// Called on the publisher's thread when OAUTHBEARER needs a token.
  using GetToken = std::function<BearerToken()>;

  /// @param properties  of librdkafka, including "bootstrap.servers"
  /// @throws std::invalid_argument  unknown property
  AlertPublisher(std::map<std::string, std::string> properties, GetToken get_token);
  /// Waits up to 600 ms for unsent alerts.
  ~AlertPublisher();
  AlertPublisher(const AlertPublisher&) = delete;
  AlertPublisher& operator=(const AlertPublisher&) = delete;

  /// Enqueues an alert; never blocks.
  void publish(const Alert& alert) noexcept;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace gracedb::sandbox
