#include "sandbox/alert_publisher.hpp"

#include "core/log.hpp"

#include <array>
#include <chrono>
#include <exception>

namespace gracedb::sandbox {
namespace {

constexpr log::Logger logger{"gracedb.sandbox.alerts"};
constexpr int longest_farewell_ms = 600;
constexpr int poll_ms = 100;

void report_delivery(rd_kafka_t* /*client*/, const rd_kafka_message_t* message, void* /*opaque*/) noexcept {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  logger.warning("an alert did not reach topic {}: {}", rd_kafka_topic_name(message->rkt),
                 rd_kafka_err2str(message->err));
}

}  // namespace

AlertPublisher::AlertPublisher(std::map<std::string, std::string> properties, TokenSupply token_supply)
    : token_supply_(std::move(token_supply)) {
  properties.try_emplace("client.id", "gracedb-sandbox-alerts");
  properties.try_emplace("message.timeout.ms", "30000");
  auto config = make_kafka_config(properties);
  rd_kafka_conf_set_dr_msg_cb(config.get(), report_delivery);
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_oauthbearer_token_refresh_cb(config.get(), &AlertPublisher::refresh_token);
  client_ = make_kafka_producer(std::move(config));
  watcher_ = std::jthread([this](const std::stop_token& stop) { watch_deliveries(stop); });
}

AlertPublisher::~AlertPublisher() {
  watcher_.request_stop();
  watcher_.join();
  rd_kafka_flush(client_.get(), longest_farewell_ms);
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void AlertPublisher::publish(const Alert& alert) const noexcept {
  const auto error = rd_kafka_producev(client_.get(), RD_KAFKA_V_TOPIC(alert.topic.c_str()),
                                       RD_KAFKA_V_VALUE(const_cast<char*>(alert.payload.data()),
                                                        alert.payload.size()),  // NOLINT: it is copied
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    logger.warning("an alert for topic {} could not be queued: {}", alert.topic, rd_kafka_err2str(error));
  }
}

void AlertPublisher::watch_deliveries(const std::stop_token& stop) const {
  while (!stop.stop_requested())
    rd_kafka_poll(client_.get(), poll_ms);
}

void AlertPublisher::refresh_token(rd_kafka_t* client, const char* /*config*/, void* opaque) noexcept {
  try {
    const BearerToken token = static_cast<AlertPublisher*>(opaque)->token_supply_();
    const auto expires =
        std::chrono::floor<std::chrono::milliseconds>(token.expires.time_since_epoch()).count();
    std::array<char, 512> error{};
    if (rd_kafka_oauthbearer_set_token(client, token.token.c_str(), expires, token.subject.c_str(), nullptr,
                                       0, error.data(), error.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_oauthbearer_set_token_failure(client, error.data());
    }
  } catch (const std::exception& error) {
    rd_kafka_oauthbearer_set_token_failure(client, error.what());
  }
}

}  // namespace gracedb::sandbox
