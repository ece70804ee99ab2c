#include "driver.hpp"

#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

/// The baseline: event submission on raw librdkafka and libcurl, as an engineer writes it for one purpose. It
/// shares no code with the library, retries nothing and stops at the first error.
namespace bench {
namespace {

void require(rd_kafka_resp_err_t code) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(code));
}

void require(CURLcode code) {
  if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents(std::filesystem::file_size(path), '\0');
  if (!file.read(contents.data(), static_cast<std::streamsize>(contents.size())))
    throw std::runtime_error("cannot read " + path);
  return contents;
}

std::string read_token() {
  std::string token = read_file(environment("BEARER_TOKEN_FILE"));
  token.erase(token.find_last_not_of('\n') + 1);
  return token;
}

/// Returns the first 16 bytes of the SHA-256 of `contents` as a UUID.
std::string content_id(const std::string& contents) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> d{};
  EVP_Digest(contents.data(), contents.size(), d.data(), nullptr, EVP_sha256(), nullptr);
  std::array<char, 37> id{};
  std::snprintf(id.data(), id.size(), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14],
                d[15]);
  return id.data();
}

/// A producer with guaranteed delivery. The thread that calls it serves the delivery reports.
class Producer {
 public:
  Producer(const std::string& token, const char* linger_ms) {
    rd_kafka_conf_t* config = rd_kafka_conf_new();
    std::array<char, 512> reason{};
    const std::string servers = environment("GRACEDB_KAFKA_BOOTSTRAP_SERVERS");
    const std::string ca_file = environment("GRACEDB_KAFKA_CA_CERT");
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, const char*>>{{"bootstrap.servers", servers.c_str()},
                                                                    {"security.protocol", "sasl_ssl"},
                                                                    {"sasl.mechanisms", "OAUTHBEARER"},
                                                                    {"ssl.ca.location", ca_file.c_str()},
                                                                    {"socket.nagle.disable", "true"},
                                                                    {"message.max.bytes", "10485760"},
                                                                    {"acks", "all"},
                                                                    {"enable.idempotence", "true"},
                                                                    {"compression.type", "lz4"},
                                                                    {"linger.ms", linger_ms}}) {
      if (rd_kafka_conf_set(config, name, value, reason.data(), reason.size()) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(reason.data());
    }
    rd_kafka_conf_set_dr_msg_cb(config, &Producer::on_delivery);
    rd_kafka_conf_set_opaque(config, this);
    client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, config, reason.data(), reason.size()));
    if (!client_) throw std::runtime_error(reason.data());
    const auto expiry = std::chrono::system_clock::now() + std::chrono::hours(1);
    const auto expiry_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(expiry.time_since_epoch()).count();
    require(rd_kafka_oauthbearer_set_token(client_.get(), token.c_str(), expiry_ms, "pipeline", nullptr, 0,
                                           reason.data(), reason.size()));
  }

  /// Connects, so that the first message does not wait for it.
  void fetch_metadata(const char* topic) {
    rd_kafka_topic_t* handle = rd_kafka_topic_new(client_.get(), topic, nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto code = rd_kafka_metadata(client_.get(), 0, handle, &metadata, 10'000);
    if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    require(code);
  }

  /// Queues a message. `flags`: RD_KAFKA_MSG_F_COPY, or 0 if `value` outlives the delivery.
  void produce(const std::string& topic, const std::string& key, const std::string& value, int flags) {
    while (true) {
      const auto code = rd_kafka_producev(client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                          RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                          RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_MSGFLAGS(flags),
                                          RD_KAFKA_V_END);
      rd_kafka_poll(client_.get(), code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 100 : 0);
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return require(code);
    }
  }

  /// Sends one message and waits for the acknowledgement.
  void deliver(const std::string& topic, const std::string& key, const std::string& value) {
    const std::size_t before = reports_;
    produce(topic, key, value, 0);
    while (reports_ == before)
      rd_kafka_poll(client_.get(), 1000);
    require(error_);
  }

  void flush() {
    require(rd_kafka_flush(client_.get(), 60'000));
    require(error_);
  }

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& self = *static_cast<Producer*>(opaque);
    ++self.reports_;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) self.error_ = message->err;
  }

  std::size_t reports_ = 0;
  rd_kafka_resp_err_t error_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> client_{nullptr, &rd_kafka_destroy};
};

/// Submits events of group CBC, pipeline gstlal, search AllSky.
class Baseline {
 public:
  void open() { connect().join(); }

  std::string create_event(const std::string& path) {
    return submit(path, [] {});
  }

  /// Connects to the broker while it connects to GraceDB and reserves the event.
  std::string create_first_event(const std::string& path) {
    std::jthread connecting = connect();
    return submit(path, [&] { connecting.join(); });
  }

  /// Submits `count` events at once, with up to 8 reservations at a time.
  void create_events(const std::string& path, int count) {
    int started = 0;
    const auto start = [&](Reservation& reservation) {
      ++started;
      prepare(reservation, path);
      curl_easy_setopt(reservation.handle.get(), CURLOPT_PRIVATE, &reservation);
      curl_multi_add_handle(multi_.get(), reservation.handle.get());
    };
    std::array<Reservation, 8> reservations;
    for (Reservation& each : reservations)
      if (started < count) start(each);
    for (int done = 0, active = 0, queued = 0; done < count;) {
      curl_multi_perform(multi_.get(), &active);
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &queued)) {
        require(message->data.result);
        Reservation* reservation = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &reservation);
        curl_multi_remove_handle(multi_.get(), reservation->handle.get());
        const auto [graceid, value] = upload_message(*reservation, path);
        events_->produce(event_topic, graceid, value, RD_KAFKA_MSG_F_COPY);
        ++done;
        if (started < count) start(*reservation);
      }
      if (done < count) curl_multi_poll(multi_.get(), nullptr, 0, 100, nullptr);
    }
    events_->flush();
  }

  void produce(const std::vector<std::string>& messages, int count) {
    if (!messages_) messages_.emplace(token_, "5");
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      messages_->produce("localhost.bench", {}, messages[i % messages.size()], RD_KAFKA_MSG_F_COPY);
    messages_->flush();
  }

 private:
  static constexpr auto event_topic = "localhost.gstlal";

  struct Reservation {
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(), &curl_easy_cleanup};
    std::string contents, content_id, form, answer;
  };

  /// Fetches the API root, and connects to the broker on the returned thread.
  std::jthread connect() {
    events_.emplace(token_, "0");
    std::jthread thread([this] { events_->fetch_metadata(event_topic); });
    std::string answer;
    set_options(single_.handle.get(), service_url_ + "v2/", answer);
    require(curl_easy_perform(single_.handle.get()));
    reserve_url_ = nlohmann::json::parse(answer).at("templates").at("event-reserve-template");
    return thread;
  }

  template <typename Wait>
  std::string submit(const std::string& path, Wait wait_for_broker) {
    prepare(single_, path);
    require(curl_easy_perform(single_.handle.get()));
    auto [graceid, value] = upload_message(single_, path);
    wait_for_broker();
    events_->deliver(event_topic, graceid, value);
    return graceid;
  }

  void set_options(CURL* handle, const std::string& url, std::string& answer) const {
    const auto append = +[](char* data, std::size_t size, std::size_t count, void* text) {
      static_cast<std::string*>(text)->append(data, size * count);
      return size * count;
    };
    answer.clear();
    curl_easy_reset(handle);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "bench-baseline");  // GraceDB rejects requests without one
    curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file_.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    curl_easy_setopt(handle, CURLOPT_XOAUTH2_BEARER, token_.c_str());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
  }

  /// Reads the file and prepares the request that reserves a graceid for it.
  void prepare(Reservation& reservation, const std::string& path) const {
    reservation.contents = read_file(path);
    reservation.content_id = content_id(reservation.contents);
    reservation.form = "group=CBC&pipeline=gstlal&search=AllSky&content_id=" + reservation.content_id;
    set_options(reservation.handle.get(), reserve_url_, reservation.answer);
    curl_easy_setopt(reservation.handle.get(), CURLOPT_POSTFIELDS, reservation.form.c_str());
  }

  /// Returns the graceid and the Kafka message.
  std::pair<std::string, std::string> upload_message(const Reservation& reservation,
                                                     const std::string& path) const {
    const auto answer = nlohmann::json::parse(reservation.answer);
    std::string graceid = answer.at("graceid");
    const std::string submitter = answer.at("submitter");
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    const std::string& contents = reservation.contents;
    std::string text;
    text.reserve(1024 + contents.size() / 3 * 4);
    text += R"({"type":"upload","gracedb_server":")" + service_url_ + R"(","graceid":")" + graceid +
            R"(","submitter":")" + submitter + R"(","pipeline":"gstlal","group":"CBC","search":"AllSky",)" +
            R"("gracedb_upload":true,"skip_supervisor":false,"labels":null,"content_id":")" +
            reservation.content_id + R"(","_producer_timestamp":)" + std::to_string(now.count()) +
            R"(,"eventFile":[")" + std::filesystem::path(path).filename().string() + R"(",")";
    const std::size_t start = text.size();
    text.resize(start + (contents.size() + 2) / 3 * 4);
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data() + start),
                    reinterpret_cast<const unsigned char*>(contents.data()),
                    static_cast<int>(contents.size()));
    text += R"("]})";
    return {std::move(graceid), std::move(text)};
  }

  std::string service_url_ = environment("GRACEDB_SERVICE_URL");
  std::string ca_file_ = environment("GRACEDB_KAFKA_GRACEDB_CA_CERT");
  std::string token_ = read_token();
  std::string reserve_url_;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{curl_multi_init(), &curl_multi_cleanup};
  Reservation single_;
  std::optional<Producer> events_;    // linger.ms=0
  std::optional<Producer> messages_;  // linger.ms=5
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  bench::Baseline baseline;
  if (argc == 1) return bench::serve(baseline);
  std::puts(baseline.create_first_event(argv[1]).c_str());
  return std::fflush(stdout);
}
