#include "kafka/client.hpp"

#include "gracedb/core/errors.hpp"
#include "gracedb/kafka/topics.hpp"

#include "core/log.hpp"
#include "core/redact.hpp"
#include "kafka/error_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long one request for metadata lasts before the client's health is looked at again.
constexpr milliseconds metadata_slice{250};
/// A broker that refuses connections for so long is taken to be down. Less would mistake a host name with
/// several addresses, tried one after the other, for a dead broker.
constexpr milliseconds patience_with_refusals{3'000};
constexpr milliseconds startup_timeout{10'000};

LogLevel level_of(int syslog_level, std::string_view facility) {
  // Failed connections and requests come as errors too, once each and not at every try.
  if (facility == "FAIL" || facility == "ERROR" || facility == "GETPID") return LogLevel::debug;
  if (syslog_level <= 3) return LogLevel::error;
  if (syslog_level == 4) return LogLevel::warning;
  return syslog_level <= 6 ? LogLevel::info : LogLevel::debug;
}

}  // namespace

Client::Client(rd_kafka_type_t type, const ClientSettings& settings, ConfHandle config, Hooks hooks)
    : hooks_(hooks), type_(type), bootstrap_servers_(settings.bootstrap_servers) {
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_error_cb(config.get(), &Client::on_error);
  rd_kafka_conf_set_log_cb(config.get(), &Client::on_log);
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
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      std::array<char, 512> text{};
      const auto original = rd_kafka_fatal_error(client, text.data(), text.size());
      const std::lock_guard lock(self.mutex_);
      self.fatal_ = redact(text.data());
      self.fatal_code_ = original;
      self.ailing_.store(true, std::memory_order_release);
      return;
    }
    self.note_error(static_cast<rd_kafka_resp_err_t>(code), reason);
  } catch (...) {  // Out of memory: librdkafka cannot be told.
  }
}

void Client::on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  log::write(level_of(level, facility), "gracedb.kafka", "{}: {}", facility, text);
}

void Client::on_token_due(rd_kafka_t* client, const char*, void* opaque) {
  static_cast<Client*>(opaque)->tokens_->supply(client);
}

void Client::note_error(rd_kafka_resp_err_t code, std::string_view reason) {
  const std::string safe = redact(reason);
  // A broker that lets an expired token in for its clock's leeway drops it at once, without saying why.
  const bool is_refusal =
      is_authentication_error(code) || (is_connection_error(code) && tokens_ && tokens_->has_expired());
  const std::lock_guard lock(mutex_);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    note_all_down();
  } else {
    last_error_ = safe;
    last_code_ = code;
  }
  if (!is_refusal) return;
  if (refusal_.empty() && !quiet_) logger.error("{}: {}", bootstrap_servers_, safe);
  refusal_ = is_authentication_error(code) ? safe : fmt::format("the token has expired ({})", safe);
  ailing_.store(true, std::memory_order_release);
}

void Client::note_all_down() {
  if (last_error_.empty()) {
    last_error_ = "all brokers are down";
    last_code_ = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  }
  if (!all_down_.exchange(true) && !quiet_) {
    logger.warning("no broker of {} answers; trying again until one does: {}", bootstrap_servers_,
                   last_error_);
  }
}

void Client::note_return() noexcept {
  if (all_down_.exchange(false)) logger.warning("{} answers again", bootstrap_servers_);
}

void Client::serve(milliseconds timeout) {
  if (!redirected_) rd_kafka_poll(handle_.get(), static_cast<int>(timeout.count()));
}

void Client::redirect_to_consumer_queue() {
  rd_kafka_poll_set_consumer(handle_.get());
  redirected_ = true;
}

void Client::require_health() {
  if (!is_ailing()) return;
  std::unique_lock lock(mutex_);
  if (!fatal_.empty()) {
    const std::string text = fmt::format("fatal error, create a new client: {}", fatal_);
    if (type_ == RD_KAFKA_PRODUCER) throw KafkaProducerError(text, fatal_code_, false, true);
    throw KafkaConsumerError(text, fatal_code_, false, true);
  }
  try_to_recover(lock);
  if (refusal_.empty()) {
    ailing_.store(false, std::memory_order_release);
    return;
  }
  std::string text = fmt::format("{}: authentication failed: {}", bootstrap_servers_, refusal_);
  if (text.find("htgettoken") == std::string::npos) text += fmt::format(". {}", fresh_token_hint);
  throw KafkaAuthenticationError(text, RD_KAFKA_RESP_ERR__AUTHENTICATION);
}

void Client::try_to_recover(std::unique_lock<std::mutex>& lock) {
  // Unlocked while looking: librdkafka's threads report errors meanwhile.
  lock.unlock();
  const bool renewed = tokens_ && tokens_->renew(handle_.get());
  const bool answered = !renewed && broker_answers(metadata_slice);
  lock.lock();
  if (renewed || answered) {
    logger.info("{}: {}", bootstrap_servers_,
                renewed ? "found another token" : "the token is accepted again");
    refusal_.clear();
  }
}

bool Client::broker_answers(milliseconds timeout) const {
  const rd_kafka_metadata_t* found = nullptr;
  const auto code = rd_kafka_metadata(handle_.get(), 0, nullptr, &found, static_cast<int>(timeout.count()));
  const MetadataHandle owned(found);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::string Client::last_error() const {
  const std::lock_guard lock(mutex_);
  if (last_error_.empty()) return {};
  const auto hint = hint_for(last_code_);
  return hint.empty() ? last_error_ : fmt::format("{}. {}", last_error_, hint);
}

MetadataHandle Client::fetch_metadata(milliseconds timeout) {
  const auto start = steady_clock::now();
  while (true) {
    const rd_kafka_metadata_t* found = nullptr;
    const auto left = std::chrono::ceil<milliseconds>(start + timeout - steady_clock::now());
    const auto slice = std::clamp(left, milliseconds(1), metadata_slice);
    const auto code = rd_kafka_metadata(handle_.get(), 1, nullptr, &found, static_cast<int>(slice.count()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      note_success();
      return MetadataHandle(found);
    }
    serve(milliseconds(0));
    require_health();
    const auto waited = steady_clock::now() - start;
    const std::string last = last_error();
    if (waited >= timeout || (all_down_ && waited >= patience_with_refusals)) {
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
  std::set<std::string> present;
  std::set<std::string> instances;
  quiet_ = true;
  const std::vector<TopicInfo> found = list_topics(startup_timeout);
  quiet_ = false;
  for (const TopicInfo& topic : found) {
    if (!topic.error.empty()) continue;
    present.insert(topic.name);
    if (const auto dot = topic.name.find('.'); dot != std::string::npos)
      instances.insert(topic.name.substr(0, dot));
  }
  std::vector<std::string> missing;
  std::copy_if(topics.begin(), topics.end(), std::back_inserter(missing),
               [&](const std::string& topic) { return !present.contains(topic); });
  if (!missing.empty()) {
    throw KafkaTopicError(
        fmt::format("{}: no topic {}, or your token may not see it; gracedb-kafka topics lists what is there",
                    bootstrap_servers_, fmt::join(missing, ", ")),
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }
  if (topics.empty() && !instances.contains(std::string(instance_name))) {
    throw KafkaTopicError(
        fmt::format("{}: no topic of instance {} that your token may see; instances with topics there: {}",
                    bootstrap_servers_, instance_name,
                    instances.empty() ? std::string("none") : fmt::format("{}", fmt::join(instances, ", "))),
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }
}

std::optional<auth::Claims> Client::claims() {
  if (!tokens_) return std::nullopt;
  return tokens_->claims();
}

}  // namespace gracedb::kafka
