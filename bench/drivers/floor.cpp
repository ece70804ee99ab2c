#include "core/json.hpp"
#include "drivers/commands.hpp"
#include "drivers/raw_event.hpp"
#include "drivers/raw_http.hpp"
#include "drivers/raw_kafka.hpp"

#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

/// The floor: what an event costs on raw librdkafka and libcurl with nothing around it. No errors are
/// explained, nothing is tried again, nothing is checked beyond what those libraries check.
namespace gracedb::bench {
namespace {

constexpr std::size_t most_connections = 8;

std::string read_token() {
  std::string token = read_file(variable("BEARER_TOKEN_FILE"));
  while (!token.empty() && token.back() == '\n')
    token.pop_back();
  return token;
}

class Floor {
 public:
  Floor()
      : service_url_(variable("GRACEDB_SERVICE_URL")),
        token_(read_token()),
        broker_{variable("GRACEDB_KAFKA_BOOTSTRAP_SERVERS"), variable("GRACEDB_KAFKA_CA_CERT"), token_},
        http_(token_, variable("GRACEDB_KAFKA_GRACEDB_CA_CERT")) {}

  /// Connects to both at once.
  void open() {
    producer_.emplace(broker_, "none", "0");
    std::thread kafka([this] { producer_->look_up("localhost.gstlal"); });
    reserve_url_ = member(http_.get(service_url_ + "v2/"), "event-reserve-template");
    kafka.join();
  }

  std::string create_event(const std::string& path) {
    const std::string contents = read_file(path);
    const std::string id = content_id_of(contents);
    const std::string answer = http_.post_form(reserve_url_, form(id));
    std::string graceid = member(answer, "graceid");
    producer_->deliver("localhost.gstlal", graceid, message(answer, path, id, contents));
    return graceid;
  }

  /// The first event of a process: what does not need the other's answer goes on beside it.
  std::string create_first_event(const std::string& path) {
    producer_.emplace(broker_, "none", "0");
    std::thread kafka([this] { producer_->look_up("localhost.gstlal"); });
    reserve_url_ = member(http_.get(service_url_ + "v2/"), "event-reserve-template");
    const std::string contents = read_file(path);
    const std::string id = content_id_of(contents);
    const std::string answer = http_.post_form(reserve_url_, form(id));
    kafka.join();
    std::string graceid = member(answer, "graceid");
    producer_->deliver("localhost.gstlal", graceid, message(answer, path, id, contents));
    return graceid;
  }

  /// `count` events at once: reservations over several connections, messages as soon as they can be sent.
  void create_events(const std::string& path, std::size_t count);

  /// Completes a reserved event, as the supervisor does; gives the seconds of the upload alone.
  double complete_event(const std::string& path) {
    const std::string contents = read_file(path);
    const std::string graceid =
        member(http_.post_form(reserve_url_, form(content_id_of(contents))), "graceid");
    const std::string url = service_url_ + "v2/events/" + graceid + "/upload/";
    return seconds_of([&] { http_.post_file(url, "coinc.xml", contents); });
  }

  void produce(const std::vector<nlohmann::json>& values, std::size_t count) {
    if (!messages_) messages_.emplace(broker_, "zstd", "5");
    for (std::size_t i = 0; i < count; ++i)
      messages_->produce("localhost.bench", {}, kafka::to_text(values[i % values.size()]));
    messages_->flush();
  }

  void produce_events(const std::string& path, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string contents = read_file(path);
      producer_->produce(
          "localhost.gstlal", "G1",
          raw_upload_message(service_url_, "G1", "bench", "large", content_id_of(contents), contents));
    }
    producer_->flush();
  }

  nlohmann::json consume(const std::string& topic, std::size_t count) const {
    const ReadTopic read = read_topic(broker_, "localhost." + topic, count);
    return {{"seconds", {read.seconds}}, {"bytes", read.bytes}};
  }

 private:
  static std::string form(const std::string& content_id) {
    return "group=CBC&pipeline=gstlal&search=AllSky&content_id=" + content_id;
  }

  std::string message(const std::string& answer, const std::string& path, const std::string& id,
                      const std::string& contents) const {
    return raw_upload_message(service_url_, member(answer, "graceid"), member(answer, "submitter"),
                              std::filesystem::path(path).filename().string(), id, contents);
  }

  std::string service_url_;
  std::string token_;
  RawBroker broker_;
  RawHttp http_;
  std::optional<RawProducer> producer_;
  std::optional<RawProducer> messages_;  ///< for many at a time
  std::string reserve_url_;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{curl_multi_init(), &curl_multi_cleanup};
};

void Floor::create_events(const std::string& path, std::size_t count) {
  struct Reservation {
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(), &curl_easy_cleanup};
    std::string contents, id, form, answer;
  };
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(most_connections));
  std::deque<Reservation> slots;
  std::size_t begun = 0;
  const auto begin = [&](Reservation& slot) {
    ++begun;
    slot.contents = read_file(path);
    slot.id = content_id_of(slot.contents);
    slot.form = form(slot.id);
    slot.answer.clear();
    http_.prepare_post(slot.handle.get(), reserve_url_, slot.form, slot.answer);
    curl_easy_setopt(slot.handle.get(), CURLOPT_PRIVATE, &slot);
    curl_multi_add_handle(multi_.get(), slot.handle.get());
  };
  while (begun < std::min(most_connections, count))
    begin(slots.emplace_back());
  for (std::size_t done = 0; done < count;) {
    int active = 0;
    curl_multi_perform(multi_.get(), &active);
    int left = 0;
    while (const CURLMsg* news = curl_multi_info_read(multi_.get(), &left)) {
      CURL* handle = news->easy_handle;
      if (news->data.result != CURLE_OK) throw std::runtime_error(curl_easy_strerror(news->data.result));
      Reservation* slot = nullptr;
      curl_easy_getinfo(handle, CURLINFO_PRIVATE, &slot);
      curl_multi_remove_handle(multi_.get(), handle);
      producer_->produce("localhost.gstlal", member(slot->answer, "graceid"),
                         message(slot->answer, path, slot->id, slot->contents));
      ++done;
      if (begun < count) begin(*slot);
    }
    if (done < count) curl_multi_poll(multi_.get(), nullptr, 0, 100, nullptr);
  }
  producer_->flush();
}

int upload(const std::string& path) {
  Floor floor;
  std::puts(floor.create_first_event(path).c_str());
  std::fflush(stdout);
  return 0;
}

int run() {
  Floor floor;
  return serve({
      {"open",
       [&](const Command&) {
         floor.open();
         return nlohmann::json::object();
       }},
      {"create_event",
       [&](const Command& command) {
         return time_each(command.at("count"), [&] { floor.create_event(command.at("file")); });
       }},
      {"complete_event",
       [&](const Command& command) {
         std::vector<double> seconds(command.at("count").get<std::size_t>());
         for (double& each : seconds)
           each = floor.complete_event(command.at("file"));
         return nlohmann::json{{"seconds", seconds}};
       }},
      {"create_events",
       [&](const Command& command) {
         return time_each(1, [&] { floor.create_events(command.at("file"), command.at("count")); });
       }},
      {"produce",
       [&](const Command& command) {
         const auto values = status_objects(command.at("bytes"));
         return time_each(1, [&] { floor.produce(values, command.at("count")); });
       }},
      {"produce_events",
       [&](const Command& command) {
         return time_each(1, [&] { floor.produce_events(command.at("file"), command.at("count")); });
       }},
      {"consume",
       [&](const Command& command) { return floor.consume(command.at("topic"), command.at("count")); }},
  });
}

}  // namespace
}  // namespace gracedb::bench

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  try {
    if (argc == 3 && std::strcmp(argv[1], "upload") == 0) return gracedb::bench::upload(argv[2]);
    return gracedb::bench::run();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench-floor: %s\n", fault.what());
    return 1;
  }
}
