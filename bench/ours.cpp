#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "driver.hpp"

#include <future>
#include <optional>

/// This library at the same work as the baseline and the reference client.
namespace bench {
namespace {

namespace kafka = gracedb::kafka;
namespace rest = gracedb::rest;

class Ours {
 public:
  /// Connects to GraceDB and to the broker.
  void open() {
    client_.emplace(rest::GraceDbOptions{.service_url = environment("GRACEDB_SERVICE_URL"),
                                         .ca_cert_path = environment("GRACEDB_KAFKA_GRACEDB_CA_CERT")});
    producer_.emplace(
        client_->create_kafka_producer({.bootstrap_servers = environment("GRACEDB_KAFKA_BOOTSTRAP_SERVERS"),
                                        .topic = "bench",
                                        .ca_cert_path = environment("GRACEDB_KAFKA_CA_CERT")}));
    client_->api_root();
  }

  void create_event(const std::string& path) { client_->create_event(event(path)); }

  /// Submits `count` events at once and waits until the broker has acknowledged all of them.
  void create_events(const std::string& path, int count) {
    std::vector<std::future<rest::CreatedEvent>> events;
    events.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
      events.push_back(client_->submit(event(path)));
    for (auto& each : events)
      each.get();
  }

  void produce(const std::vector<std::string>& messages, int count) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      producer_->produce(messages[i % messages.size()]);
    producer_->flush();
  }

  /// Reads and parses `count` messages from the start of the topic; the time runs from the first message.
  double consume(int count) {
    kafka::Consumer consumer({.bootstrap_servers = environment("GRACEDB_KAFKA_BOOTSTRAP_SERVERS"),
                              .topics = {"bench"},
                              .service_url = client_->service_url(),
                              .ca_cert_path = environment("GRACEDB_KAFKA_CA_CERT"),
                              .auto_offset_reset = "earliest"});
    std::optional<std::chrono::steady_clock::time_point> start;
    int parsed = 0;
    for (const kafka::Message& message :
         consumer.stream(std::chrono::seconds(10), static_cast<std::size_t>(count))) {
      if (!start) start = std::chrono::steady_clock::now();
      if (message.json().is_object()) ++parsed;
    }
    if (parsed < count) throw std::runtime_error("read " + std::to_string(parsed) + " messages");
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start.value()).count();
  }

 private:
  rest::CreateEventOptions event(const std::string& path) {
    return {.group = "CBC", .pipeline = "gstlal", .filename = path, .search = "AllSky", .kafka = &*producer_};
  }

  std::optional<rest::GraceDb> client_;
  std::optional<kafka::Producer> producer_;
};

}  // namespace
}  // namespace bench

int main() {
  bench::Ours ours;
  return bench::serve(ours);
}
