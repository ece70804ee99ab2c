#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/upload_message.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "drivers/commands.hpp"

#include <fstream>
#include <future>
#include <iterator>
#include <optional>

/// Our library at the same work as the floor and the reference.
namespace gracedb::bench {
namespace {

class Ours {
 public:
  /// @param kafka_config  beside the defaults
  void open(std::map<std::string, std::string> kafka_config) {
    client_.emplace(rest::GraceDbOptions{.service_url = variable("GRACEDB_SERVICE_URL"),
                                         .ca_cert_path = variable("GRACEDB_KAFKA_GRACEDB_CA_CERT")});
    producer_.emplace(
        client_->create_kafka_producer({.bootstrap_servers = variable("GRACEDB_KAFKA_BOOTSTRAP_SERVERS"),
                                        .topic = "gstlal",
                                        .ca_cert_path = variable("GRACEDB_KAFKA_CA_CERT"),
                                        .kafka_config = std::move(kafka_config)}));
    client_->api_root();
  }

  void create_event(const std::string& path) { client_->create_event(event(path)); }

  void create_events(const std::string& path, int count) {
    std::vector<std::future<rest::CreatedEvent>> events;
    events.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
      events.push_back(client_->submit(event(path)));
    for (auto& each : events)
      each.get();
  }

  void produce(const std::vector<nlohmann::json>& values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      producer_->produce(values[i % values.size()], {.topic = "bench"});
    producer_->flush();
  }

  void produce_events(const std::string& path, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string contents = read(path);
      kafka::UploadMessage message;
      message.gracedb_server = client_->service_url();
      message.graceid = "G1";
      message.submitter = "bench";
      message.pipeline = "gstlal";
      message.file_name = "large";
      message.content_id = kafka::content_id(contents);
      producer_->produce(kafka::build_upload_message(message, contents), {.topic = "gstlal", .key = "G1"});
    }
    producer_->flush();
  }

  nlohmann::json consume(const std::string& topic, std::size_t count, bool parse) const {
    kafka::Consumer consumer({.bootstrap_servers = variable("GRACEDB_KAFKA_BOOTSTRAP_SERVERS"),
                              .topics = {topic},
                              .service_url = client_->service_url(),
                              .ca_cert_path = variable("GRACEDB_KAFKA_CA_CERT"),
                              .auto_offset_reset = "earliest"});
    std::optional<std::chrono::steady_clock::time_point> start;
    std::size_t bytes = 0;
    for (const kafka::Message& message : consumer.stream(std::chrono::seconds(10), count)) {
      if (!start) start = std::chrono::steady_clock::now();
      bytes += parse ? message.json().size() : message.value.size();
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start.value()).count();
    return {{"seconds", {seconds}}, {"bytes", bytes}};
  }

 private:
  rest::CreateEventOptions event(const std::string& path) {
    return {.group = "CBC", .pipeline = "gstlal", .filename = path, .search = "AllSky", .kafka = &*producer_};
  }

  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::optional<rest::GraceDb> client_;
  std::optional<kafka::Producer> producer_;
};

int run() {
  Ours ours;
  return serve({
      {"open",
       [&](const Command& command) {
         ours.open(command.value("kafka_config", std::map<std::string, std::string>()));
         return nlohmann::json::object();
       }},
      {"create_event",
       [&](const Command& command) {
         return time_each(command.at("count"), [&] { ours.create_event(command.at("file")); });
       }},
      {"create_events",
       [&](const Command& command) {
         return time_each(1, [&] { ours.create_events(command.at("file"), command.at("count")); });
       }},
      {"produce",
       [&](const Command& command) {
         const auto values = status_objects(command.at("bytes"));
         return time_each(1, [&] { ours.produce(values, command.at("count")); });
       }},
      {"produce_events",
       [&](const Command& command) {
         return time_each(1, [&] { ours.produce_events(command.at("file"), command.at("count")); });
       }},
      {"consume",
       [&](const Command& command) {
         return ours.consume(command.at("topic"), command.at("count"), command.value("parse", false));
       }},
  });
}

}  // namespace
}  // namespace gracedb::bench

int main() {
  try {
    return gracedb::bench::run();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench-ours: %s\n", fault.what());
    return 1;
  }
}
