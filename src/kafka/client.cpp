#include "kafka/client.hpp"

#include "gracedb/errors.hpp"
#include "gracedb/kafka/topics.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"
#include "kafka/error_text.hpp"
#include "kafka/lookup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long one request for metadata lasts before the client's health is looked at again: while there is no
/// connection, and once there is one and only the answer is waited for.
constexpr milliseconds connection_slice{100};
constexpr milliseconds answer_slice{2'000};
/// How long a broker that has refused us is asked whether it would answer now. Cannot be interrupted.
constexpr milliseconds recovery_wait{150};
/// A broker that refuses connections for so long is taken to be down. Less would mistake a host name with
/// several addresses, tried one after the other, for a dead broker.
constexpr milliseconds patience_with_refusals{3'000};
constexpr milliseconds startup_timeout{10'000};
/// A broker that has just started does not know all its topics and permissions yet.
constexpr milliseconds patience_with_topics{1'000};

LogLevel level_of(int syslog_level, std::string_view facility) {
  // Failed connections and requests come as errors too, once each and not at every try.
  constexpr std::array<std::string_view, 6> told_otherwise = {"FAIL",   "ERROR",    "GETPID",
                                                              "TXNERR", "ADDPARTS", "ADDOFFSETS"};
  if (std::find(told_otherwise.begin(), told_otherwise.end(), facility) != told_otherwise.end())
    return LogLevel::debug;
  if (syslog_level <= 3) return LogLevel::error;
  if (syslog_level == 4) return LogLevel::warning;
  return syslog_level <= 6 ? LogLevel::info : LogLevel::debug;
}

/// What is missing among the topics that the broker shows; empty if nothing is.
std::string fault_of_topics(const std::vector<TopicInfo>& shown, const std::vector<std::string>& wanted,
                            std::string_view instance_name) {
  std::set<std::string> present;
  std::set<std::string> instances;
  for (const TopicInfo& topic : shown) {
    if (!topic.error.empty()) continue;
    present.insert(topic.name);
    if (const auto dot = topic.name.find('.'); dot != std::string::npos)
      instances.insert(topic.name.substr(0, dot));
  }
  std::vector<std::string> missing;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(missing),
               [&](const std::string& topic) { return !present.contains(topic); });
  if (!missing.empty()) {
    return fmt::format("no topic {}, or your token may not see it; gracedb-kafka topics lists what is there",
                       fmt::join(missing, ", "));
  }
  if (!wanted.empty() || instances.contains(std::string(instance_name))) return {};
  return fmt::format("no topic of instance {} that your token may see; instances with topics there: {}",
                     instance_name,
                     instances.empty() ? std::string("none") : fmt::format("{}", fmt::join(instances, ", ")));
}

}  // namespace

Client::Client(rd_kafka_type_t type, const ClientSettings& settings, ConfHandle config, Health& health,
               Hooks hooks)
    : health_(health), hooks_(hooks), type_(type), bootstrap_servers_(settings.bootstrap_servers) {
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_error_cb(config.get(), &Client::on_error);
  rd_kafka_conf_set_log_cb(config.get(), &Client::on_log);
  look_up_aware_of_forks(config.get());
  if (hooks.delivered != nullptr) {
    rd_kafka_conf_set_dr_msg_cb(config.get(),
                                [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
                                  const Hooks& own = static_cast<Client*>(opaque)->hooks_;
                                  own.delivered(message, own.owner);
                                });
  }
  if (hooks.rebalanced != nullptr) {
    rd_kafka_conf_set_rebalance_cb(config.get(),
                                   [](rd_kafka_t* client, rd_kafka_resp_err_t code,
                                      rd_kafka_topic_partition_list_t* partitions, void* opaque) {
                                     const Hooks& own = static_cast<Client*>(opaque)->hooks_;
                                     own.rebalanced(client, code, partitions, own.owner);
                                   });
  }
  if (needs_token(config.get())) {
    tokens_.emplace(settings);
    if (settings.validate_token) tokens_->validate();
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(config.get(), &Client::on_token_due);
    rd_kafka_conf_enable_sasl_queue(config.get(), 1);
  }

  std::array<char, 512> reason{};
  handle_.reset(rd_kafka_new(type, config.get(), reason.data(), reason.size()));
  if (!handle_) throw std::invalid_argument(fmt::format("kafka_config: {}", redact(reason.data())));
  static_cast<void>(config.release());  // owned by the client now
  news_.reset(rd_kafka_queue_get_main(handle_.get()));

  if (tokens_) {
    // Renewal must not depend on somebody polling: an idle client would lose its login.
    const ErrorHandle fault(rd_kafka_sasl_background_callbacks_enable(handle_.get()));
    if (fault) throw KafkaError(rd_kafka_error_string(fault.get()), rd_kafka_error_code(fault.get()));
    tokens_->supply(handle_.get());
  }
}

void Client::on_error(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  auto& self = *static_cast<Client*>(opaque);
  try {
    if (rd_kafka_fatal_error(client, nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      self.fatal_.store(true, std::memory_order_release);
    }
    const bool has_token_expired = self.tokens_ && self.tokens_->has_expired();
    self.health_.note_error(static_cast<rd_kafka_resp_err_t>(code), reason, has_token_expired);
  } catch (...) {  // Out of memory: librdkafka cannot be told.
  }
}

void Client::on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  log::write(level_of(level, facility), "gracedb.kafka", "{}: {}", facility, text);
}

void Client::on_token_due(rd_kafka_t* client, const char*, void* opaque) {
  static_cast<Client*>(opaque)->tokens_->supply(client);
}

void Client::destroy() noexcept {
  news_.reset();
  handle_.reset();
}

void Client::serve(milliseconds timeout) {
  if (!redirected_) rd_kafka_poll(handle_.get(), static_cast<int>(timeout.count()));
}

void Client::redirect_to_consumer_queue() {
  rd_kafka_poll_set_consumer(handle_.get());
  redirected_ = true;
}

void Client::require_health() {
  if (is_fatal()) throw_fatal();
  if (!health_.is_refused() || try_to_recover()) return;
  throw KafkaAuthenticationError(health_.refusal(), RD_KAFKA_RESP_ERR__AUTHENTICATION);
}

void Client::throw_fatal() const {
  std::array<char, 512> reason{};
  const auto code = rd_kafka_fatal_error(handle_.get(), reason.data(), reason.size());
  const std::string text =
      fmt::format("{}: fatal error, create a new client: {}", bootstrap_servers_, redact(reason.data()));
  if (type_ == RD_KAFKA_PRODUCER) throw KafkaProducerError(text, code, false, true);
  throw KafkaConsumerError(text, code, false, true);
}

bool Client::try_to_recover() {
  const bool renewed = tokens_ && tokens_->renew(handle_.get());
  if (!renewed && !broker_answers(recovery_wait)) return false;
  logger.info("{}: {}", bootstrap_servers_, renewed ? "found another token" : "the token is accepted again");
  health_.forget_refusal();
  return true;
}

bool Client::broker_answers(milliseconds timeout) const {
  const rd_kafka_metadata_t* found = nullptr;
  const auto code = rd_kafka_metadata(handle_.get(), 0, nullptr, &found, static_cast<int>(timeout.count()));
  const MetadataHandle owned(found);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool Client::is_connected() const {
  if (health_.is_all_down()) return false;
  char* const cluster = rd_kafka_clusterid(handle_.get(), 0);  // known from the first answer on
  if (cluster == nullptr) return false;
  rd_kafka_mem_free(handle_.get(), cluster);
  return true;
}

MetadataHandle Client::fetch_metadata(milliseconds timeout) {
  const auto start = steady_clock::now();
  while (true) {
    const rd_kafka_metadata_t* found = nullptr;
    const auto slice = std::clamp(time_left(start + timeout), milliseconds(1),
                                  is_connected() ? answer_slice : connection_slice);
    const auto code = rd_kafka_metadata(handle_.get(), 1, nullptr, &found, static_cast<int>(slice.count()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      health_.note_success();
      return MetadataHandle(found);
    }
    interruption::check();
    serve(milliseconds(0));
    require_health();
    const auto waited = steady_clock::now() - start;
    const std::string last = health_.last_error();
    if (waited >= timeout || (health_.is_all_down() && waited >= patience_with_refusals)) {
      throw KafkaConnectionError(
          fmt::format("no broker of {} answered within {:.1f} s: {}", bootstrap_servers_,
                      std::chrono::duration<double>(waited).count(),
                      last.empty() ? std::string(rd_kafka_err2str(code)) : last),
          code, true);
    }
  }
}

std::vector<TopicInfo> Client::list_topics(milliseconds timeout) {
  const MetadataHandle metadata = fetch_metadata(timeout);
  std::vector<TopicInfo> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& topic = metadata->topics[i];
    topics.push_back({topic.topic, topic.partition_cnt,
                      topic.err == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : rd_kafka_err2str(topic.err)});
  }
  std::sort(topics.begin(), topics.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return topics;
}

void Client::check_for_topics(const std::vector<std::string>& topics, std::string_view instance_name) {
  const Health::Quiet quiet(health_);
  const auto deadline = steady_clock::now() + patience_with_topics;
  std::string fault = fault_of_topics(list_topics(startup_timeout), topics, instance_name);
  while (!fault.empty() && steady_clock::now() < deadline) {
    serve(connection_slice);
    interruption::check();
    fault = fault_of_topics(list_topics(startup_timeout), topics, instance_name);
  }
  if (!fault.empty()) {
    throw KafkaTopicError(fmt::format("{}: {}", bootstrap_servers_, fault),
                          RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }
}

std::optional<auth::Claims> Client::claims() {
  if (!tokens_) return std::nullopt;
  return tokens_->claims();
}

}  // namespace gracedb::kafka
