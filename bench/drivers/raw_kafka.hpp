#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <memory>
#include <string>

namespace gracedb::bench {

/// Where a broker is, and what it takes to log in.
struct RawBroker {
  std::string bootstrap_servers;
  std::string ca_file;
  std::string token;
};

struct DestroyClient {
  void operator()(rd_kafka_t* client) const noexcept { rd_kafka_destroy(client); }
};
using RawClient = std::unique_ptr<rd_kafka_t, DestroyClient>;

/// librdkafka with nothing around it: a producer with guaranteed delivery.
class RawProducer {
 public:
  /// @param linger_ms  how long a message waits for company
  RawProducer(const RawBroker& broker, const char* compression, const char* linger_ms);

  /// Looks the topic up, so that the connection is there and its partitions are known.
  void look_up(const std::string& topic);
  /// Sends one message without copying it and waits until the broker has confirmed it.
  void deliver(const std::string& topic, const std::string& key, const std::string& value);
  /// Queues a copy of a message, waiting for room.
  void produce(const std::string& topic, const std::string& key, const std::string& value);
  /// Waits until everything is confirmed.
  void flush();
  /// How many messages have been confirmed so far.
  std::size_t confirmed() const noexcept { return confirmed_; }
  void serve(int timeout_ms) { rd_kafka_poll(client_.get(), timeout_ms); }

 private:
  void hand_over(const std::string& topic, const std::string& key, const std::string& value, int flags);
  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* producer);

  std::size_t confirmed_ = 0;
  std::size_t failed_ = 0;
  RawClient client_;
};

/// Reads a topic from its beginning until `count` messages have come; gives the seconds from the first to the
/// last and how many bytes they had.
struct ReadTopic {
  double seconds = 0;
  std::size_t bytes = 0;
};
ReadTopic read_topic(const RawBroker& broker, const std::string& topic, std::size_t count);

}  // namespace gracedb::bench
