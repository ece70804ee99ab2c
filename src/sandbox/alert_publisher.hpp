#pragma once

#include "sandbox/event.hpp"
#include "sandbox/kafka_handle.hpp"

#include <functional>
#include <thread>

namespace gracedb::sandbox {

/// Sends igwn-alerts to a broker. A failure is logged and nothing more: the store has the alert anyway.
class AlertPublisher {
 public:
  /// Gives a token and its end of life, for brokers with OAUTHBEARER.
  struct BearerToken {
    std::string token;
    TimePoint expires;
    std::string subject;
  };
  using TokenSupply = std::function<BearerToken()>;

  /// @param properties  of librdkafka, "bootstrap.servers" among them
  /// @throws std::invalid_argument  unknown property
  AlertPublisher(std::map<std::string, std::string> properties, TokenSupply token_supply);
  /// Waits a moment for what is still on its way.
  ~AlertPublisher();
  AlertPublisher(const AlertPublisher&) = delete;
  AlertPublisher& operator=(const AlertPublisher&) = delete;

  /// Queues an alert; never blocks.
  void publish(const Alert& alert) const noexcept;

 private:
  static void refresh_token(rd_kafka_t* client, const char* config, void* opaque) noexcept;
  void watch_deliveries(const std::stop_token& stop) const;

  TokenSupply token_supply_;
  KafkaClient client_;
  std::jthread watcher_;  // serves delivery reports
};

}  // namespace gracedb::sandbox
