#include "sandbox/kafka.hpp"

#include "core/file.hpp"
#include "core/log.hpp"

#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <thread>

namespace gracedb::sandbox {
namespace {

constexpr log::Logger logger{"gracedb.sandbox.kafka"};

struct ConfigDeleter {
  void operator()(rd_kafka_conf_t* config) const { rd_kafka_conf_destroy(config); }
};
struct ProducerDeleter {
  void operator()(rd_kafka_t* producer) const { rd_kafka_destroy(producer); }
};
using Config = std::unique_ptr<rd_kafka_conf_t, ConfigDeleter>;
using Producer = std::unique_ptr<rd_kafka_t, ProducerDeleter>;

void forward_log(const rd_kafka_t* /*producer*/, int level, const char* facility, const char* text) {
  constexpr int syslog_warning = 4;
  if (level <= syslog_warning) {
    logger.info("{}: {}", facility, text);
  } else {
    logger.debug("{}: {}", facility, text);
  }
}

Config make_config(const std::map<std::string, std::string>& properties) {
  Config config(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(config.get(), forward_log);
  std::array<char, 512> error{};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(config.get(), name.c_str(), value.c_str(), error.data(), error.size()) !=
        RD_KAFKA_CONF_OK) {
      throw std::invalid_argument("Kafka property '" + name + "': " + error.data());
    }
  }
  return config;
}

Producer make_producer(Config config) {
  std::array<char, 512> error{};
  Producer producer(rd_kafka_new(RD_KAFKA_PRODUCER, config.get(), error.data(), error.size()));
  if (!producer) throw std::runtime_error(std::string("cannot create a Kafka producer: ") + error.data());
  static_cast<void>(config.release());  // owned by the producer now
  return producer;
}

sockaddr_in address_of(std::string_view bootstrap_servers) {
  std::uint16_t port = 0;
  const std::string_view text = bootstrap_servers.substr(bootstrap_servers.rfind(':') + 1);
  std::from_chars(text.data(), text.data() + text.size(), port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Wakes up the mock cluster's thread every 2 ms by a connection: the thread can miss a wake-up for a new
/// operation, and then sleeps for a second.
class MockClusterWaker {
 public:
  explicit MockClusterWaker(std::string_view bootstrap_servers)
      : thread_([address = address_of(bootstrap_servers)](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            connect_once(address);
          }
        }) {}

 private:
  static void connect_once(const sockaddr_in& address) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return;
    static_cast<void>(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }

  std::jthread thread_;
};

void log_failed_delivery(rd_kafka_t* /*producer*/, const rd_kafka_message_t* message,
                         void* /*opaque*/) noexcept {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  logger.warning("an alert was not delivered to topic {}: {}", rd_kafka_topic_name(message->rkt),
                 rd_kafka_err2str(message->err));
}

void set_token(rd_kafka_t* producer, const char* /*config*/, void* get_token) noexcept {
  try {
    const auto token = (*static_cast<const AlertPublisher::GetToken*>(get_token))();
    const auto expires =
        std::chrono::floor<std::chrono::milliseconds>(token.expires.time_since_epoch()).count();
    std::array<char, 512> error{};
    if (rd_kafka_oauthbearer_set_token(producer, token.token.c_str(), expires, token.subject.c_str(), nullptr,
                                       0, error.data(), error.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_oauthbearer_set_token_failure(producer, error.data());
    }
  } catch (const std::exception& error) {
    rd_kafka_oauthbearer_set_token_failure(producer, error.what());
  }
}

}  // namespace

class EmbeddedBroker::Implementation {
 public:
  Implementation(const std::vector<std::string>& topics, int partitions)
      : producer_(make_producer(
            make_config({{"client.id", "gracedb-sandbox-broker"}, {"test.mock.num.brokers", "1"}}))) {
    rd_kafka_mock_cluster_t* const cluster = rd_kafka_handle_mock_cluster(producer_.get());
    if (cluster == nullptr) throw std::runtime_error("cannot start the embedded broker");
    bootstrap_servers_ = rd_kafka_mock_cluster_bootstraps(cluster);
    const MockClusterWaker waker(bootstrap_servers_);
    for (const std::string& topic : topics) {
      // The only possible error is that the topic exists, because the list contains it twice.
      rd_kafka_mock_topic_create(cluster, topic.c_str(), partitions, 1);
    }
  }

  const std::string& bootstrap_servers() const noexcept { return bootstrap_servers_; }

 private:
  Producer producer_;  // owns the cluster
  std::string bootstrap_servers_;
};

EmbeddedBroker::EmbeddedBroker(const std::vector<std::string>& topics, int partitions)
    : implementation_(std::make_unique<Implementation>(topics, partitions)) {}

EmbeddedBroker::~EmbeddedBroker() = default;

const std::string& EmbeddedBroker::bootstrap_servers() const noexcept {
  return implementation_->bootstrap_servers();
}

class AlertPublisher::Implementation {
 public:
  Implementation(std::map<std::string, std::string> properties, GetToken get_token)
      : get_token_(std::move(get_token)) {
    properties.try_emplace("client.id", "gracedb-sandbox-alerts");
    properties.try_emplace("message.timeout.ms", "30000");
    auto config = make_config(properties);
    rd_kafka_conf_set_dr_msg_cb(config.get(), log_failed_delivery);
    rd_kafka_conf_set_opaque(config.get(), &get_token_);
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(config.get(), set_token);
    producer_ = make_producer(std::move(config));
    poller_ = std::thread([this] { poll_until_stopped(); });
  }

  ~Implementation() {
    is_stopping_ = true;
    poller_.join();
    constexpr int flush_timeout_ms = 600;
    rd_kafka_flush(producer_.get(), flush_timeout_ms);
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  void publish(const Alert& alert) noexcept {
    const auto error = rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC(alert.topic.c_str()),
                                         RD_KAFKA_V_VALUE(const_cast<char*>(alert.payload.data()),
                                                          alert.payload.size()),  // NOLINT: it is copied
                                         RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      logger.warning("cannot enqueue an alert for topic {}: {}", alert.topic, rd_kafka_err2str(error));
    }
  }

 private:
  void poll_until_stopped() {
    constexpr int poll_timeout_ms = 100;
    while (!is_stopping_)
      rd_kafka_poll(producer_.get(), poll_timeout_ms);
  }

  GetToken get_token_;
  Producer producer_;
  std::atomic<bool> is_stopping_{false};
  std::thread poller_;
};

AlertPublisher::AlertPublisher(std::map<std::string, std::string> properties, GetToken get_token)
    : implementation_(std::make_unique<Implementation>(std::move(properties), std::move(get_token))) {}

AlertPublisher::~AlertPublisher() = default;

void AlertPublisher::publish(const Alert& alert) noexcept { implementation_->publish(alert); }

}  // namespace gracedb::sandbox
