#include "kafka/client.hpp"

#include "gracedb/kafka/connection.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"
#include "kafka/fork_safe_resolver.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};
constexpr log::Logger auth_logger{"gracedb.auth"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

/// Length of one metadata request, after which the client's health is checked: without a connection, and with one.
constexpr milliseconds connection_slice{100};
constexpr milliseconds answer_slice{2'000};
/// Time limit for asking a broker that has rejected the token. Cannot be interrupted.
constexpr milliseconds recovery_wait{150};
/// A broker that refuses connections for this long counts as down. A host name with several addresses, which are tried
/// one after the other, needs some time.
constexpr milliseconds refused_connection_timeout{3'000};
constexpr milliseconds startup_timeout{10'000};
/// A broker that has just started does not know all topics and permissions yet.
constexpr milliseconds topic_check_timeout{1'000};

LogLevel level_of(int syslog_level, std::string_view facility) {
  // These are also reported as errors, once each instead of at every try.
  constexpr std::array<std::string_view, 6> reported_elsewhere = {"FAIL",   "ERROR",    "GETPID",
                                                                  "TXNERR", "ADDPARTS", "ADDOFFSETS"};
  if (std::find(reported_elsewhere.begin(), reported_elsewhere.end(), facility) != reported_elsewhere.end())
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

auth::TokenRequest request_of(const KafkaConnection& connection) {
  auth::TokenRequest request;
  request.audiences = connection.token_audience
                          ? std::vector<std::string>{*connection.token_audience}
                          : auth::audiences_of_bootstrap_servers(connection.bootstrap_servers);
  request.scope = connection.token_scope;
  return request;
}

std::int64_t milliseconds_since_epoch(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

// ---- BrokerHealth

void BrokerHealth::note_error(rd_kafka_resp_err_t code, std::string_view reason, bool has_token_expired) {
  const std::string safe = redact(reason);
  // A broker that accepts an expired token within its clock skew drops the session without an error.
  const bool is_rejection = is_authentication_error(code) || (is_connection_error(code) && has_token_expired);
  const MutexLock lock(mutex_);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    note_all_down();
  } else {
    last_error_ = safe;
    last_code_ = code;
  }
  if (!is_rejection) return;
  if (rejection_.empty() && !quiet_) logger.error("{}: {}", bootstrap_servers_, safe);
  rejection_ = is_authentication_error(code) ? safe : fmt::format("the token has expired ({})", safe);
  rejected_.store(true, std::memory_order_release);
}

void BrokerHealth::note_all_down() {
  if (last_error_.empty()) {
    last_error_ = "all brokers are down";
    last_code_ = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  }
  if (!all_down_.exchange(true) && !quiet_) {
    logger.warning("cannot reach any broker in {}; retrying: {}", bootstrap_servers_, last_error_);
  }
}

void BrokerHealth::note_reconnected() noexcept {
  if (all_down_.exchange(false) && !quiet_) logger.warning("reconnected to {}", bootstrap_servers_);
}

void BrokerHealth::forget_rejection() {
  const MutexLock lock(mutex_);
  rejection_.clear();
  rejected_.store(false, std::memory_order_release);
}

std::string BrokerHealth::rejection() const {
  const MutexLock lock(mutex_);
  std::string text = fmt::format("{}: authentication failed: {}", bootstrap_servers_, rejection_);
  if (text.find("htgettoken") == std::string::npos) text += fmt::format(". {}", fresh_token_hint);
  return text;
}

std::string BrokerHealth::last_error() const {
  const MutexLock lock(mutex_);
  if (last_error_.empty()) return {};
  const auto hint = hint_for(last_code_);
  return hint.empty() ? last_error_ : fmt::format("{}. {}", last_error_, hint);
}

// ---- TokenSupply

TokenSupply::TokenSupply(const KafkaConnection& connection) {
  if (connection.oauth_callback) {
    callback_ = connection.oauth_callback;
  } else if (connection.reload_cred) {
    manager_.emplace(request_of(connection), connection.reload_buffer);
    callback_ = manager_->create_callback();
  } else {
    callback_ = auth::create_oauth_callback(connection.bootstrap_servers, connection.token_scope,
                                            connection.token_audience);
  }
}

void TokenSupply::validate() { static_cast<void>(callback_()); }

void TokenSupply::supply(rd_kafka_t* client) noexcept {
  try {
    const auth::OAuthToken token = callback_();
    const MutexLock lock(mutex_);
    set_token(client, token);
  } catch (const std::exception& fault) {
    rd_kafka_oauthbearer_set_token_failure(client, redact(fault.what()).c_str());
  } catch (...) {
    rd_kafka_oauthbearer_set_token_failure(client, "the token callback threw a non-standard exception");
  }
}

bool TokenSupply::renew(rd_kafka_t* client) {
  if (manager_) manager_->reload();
  const auth::OAuthToken token = callback_();
  const MutexLock lock(mutex_);
  if (current_ && current_->token == token.token) return false;
  set_token(client, token);
  return true;
}

bool TokenSupply::has_expired() const {
  const MutexLock lock(mutex_);
  return current_ && current_->expires <= system_clock::now();
}

auth::Claims TokenSupply::claims() {
  {
    const MutexLock lock(mutex_);
    if (current_) return auth::parse_claims(current_->token);
  }
  return auth::parse_claims(callback_().token);
}

void TokenSupply::set_token(rd_kafka_t* client, const auth::OAuthToken& token) {
  std::array<char, 512> reason{};
  const auto refresh_at = milliseconds_since_epoch(refresh_time(token));
  const auto code =
      rd_kafka_oauthbearer_set_token(client, token.token.c_str(), refresh_at, token.principal.c_str(),
                                     nullptr, 0, reason.data(), reason.size());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw KafkaTokenError(
        fmt::format("the token cannot be used: {}. {}", redact(reason.data()), fresh_token_hint),
        KafkaErrorCode::authentication_failed);
  }
  if (!current_ || current_->token != token.token) {
    auth_logger.debug("logging in as {} with a token that expires at {}", token.principal,
                      format_utc(token.expires));
  }
  current_ = token;
}

system_clock::time_point TokenSupply::refresh_time(const auth::OAuthToken& token) {
  // librdkafka asks for the next token when 80 % of the given lifetime have passed. Given a lifetime of
  // 5/4 of the time to the next renewal, it asks just then; but no later than the token's own end.
  const auto now = system_clock::now();
  if (!manager_) return token.expires;
  const auto until_renewal =
      std::max<system_clock::duration>(manager_->next_refresh() - now, std::chrono::seconds(1));
  return std::min(token.expires, now + until_renewal / 4 * 5);
}

// ---- Client

Client::Client(rd_kafka_type_t type, const KafkaConnection& connection, ConfHandle config,
               BrokerHealth& health, Hooks hooks)
    : health_(health), hooks_(hooks), type_(type), bootstrap_servers_(connection.bootstrap_servers) {
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_error_cb(config.get(), &Client::on_error);
  rd_kafka_conf_set_log_cb(config.get(), &Client::on_log);
  use_fork_safe_resolver(config.get());
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
    tokens_.emplace(connection);
    if (connection.validate_token) tokens_->validate();
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(config.get(), &Client::on_token_due);
    rd_kafka_conf_enable_sasl_queue(config.get(), 1);
  }

  std::array<char, 512> reason{};
  handle_.reset(rd_kafka_new(type, config.get(), reason.data(), reason.size()));
  if (!handle_) throw std::invalid_argument(fmt::format("kafka_config: {}", redact(reason.data())));
  static_cast<void>(config.release());  // owned by the client now
  main_queue_.reset(rd_kafka_queue_get_main(handle_.get()));

  if (tokens_) {
    // Renewal must not depend on polling: an idle client would lose its login.
    const ErrorHandle fault(rd_kafka_sasl_background_callbacks_enable(handle_.get()));
    if (fault)
      throw KafkaError(rd_kafka_error_string(fault.get()), error_code(rd_kafka_error_code(fault.get())));
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
  } catch (...) {  // out of memory
  }
}

void Client::on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  log::write(level_of(level, facility), "gracedb.kafka", "{}: {}", facility, text);
}

void Client::on_token_due(rd_kafka_t* client, const char*, void* opaque) {
  static_cast<Client*>(opaque)->tokens_->supply(client);
}

void Client::destroy() noexcept {
  main_queue_.reset();
  handle_.reset();
}

void Client::poll(milliseconds timeout) {
  if (!redirected_) rd_kafka_poll(handle_.get(), static_cast<int>(timeout.count()));
}

void Client::run_callbacks(milliseconds timeout) {
  if (polled_by_owner_) {
    interruption::sleep_for(timeout);
  } else {
    poll(timeout);
  }
}

void Client::redirect_to_consumer_queue() {
  rd_kafka_poll_set_consumer(handle_.get());
  redirected_ = true;
}

void Client::require_health() {
  if (is_fatal()) throw_fatal();
  if (!health_.is_rejected() || try_to_recover()) return;
  throw KafkaAuthenticationError(health_.rejection(), KafkaErrorCode::authentication_failed);
}

void Client::throw_fatal() const {
  std::array<char, 512> reason{};
  const auto code = rd_kafka_fatal_error(handle_.get(), reason.data(), reason.size());
  const std::string text =
      fmt::format("{}: fatal error, create a new client: {}", bootstrap_servers_, redact(reason.data()));
  if (type_ == RD_KAFKA_PRODUCER) throw KafkaProducerError(text, error_code(code), false, true);
  throw KafkaConsumerError(text, error_code(code), false, true);
}

bool Client::renew_token() noexcept {
  try {
    if (!tokens_ || !tokens_->renew(handle_.get())) return false;
    logger.info("{}: found another token", bootstrap_servers_);
    health_.forget_rejection();
    return true;
  } catch (const std::exception&) {  // the broker's rejection is reported already
    return false;
  }
}

bool Client::try_to_recover() {
  const bool renewed = tokens_ && tokens_->renew(handle_.get());
  if (!renewed && !broker_answers(recovery_wait)) return false;
  logger.info("{}: {}", bootstrap_servers_, renewed ? "found another token" : "the token is accepted again");
  health_.forget_rejection();
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
    run_callbacks(milliseconds(0));
    require_health();
    const auto waited = steady_clock::now() - start;
    const std::string last = health_.last_error();
    if (waited >= timeout || (health_.is_all_down() && waited >= refused_connection_timeout)) {
      throw KafkaConnectionError(
          fmt::format("no broker of {} answered within {:.1f} s: {}", bootstrap_servers_,
                      std::chrono::duration<double>(waited).count(),
                      last.empty() ? std::string(rd_kafka_err2str(code)) : last),
          error_code(code), true);
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
  const BrokerHealth::Quiet quiet(health_);
  const auto deadline = steady_clock::now() + topic_check_timeout;
  std::string fault = fault_of_topics(list_topics(startup_timeout), topics, instance_name);
  while (!fault.empty() && steady_clock::now() < deadline) {
    run_callbacks(connection_slice);
    interruption::check();
    fault = fault_of_topics(list_topics(startup_timeout), topics, instance_name);
  }
  if (!fault.empty()) {
    throw KafkaTopicError(fmt::format("{}: {}", bootstrap_servers_, fault), KafkaErrorCode::topic_not_found);
  }
}

std::optional<auth::Claims> Client::claims() {
  if (!tokens_) return std::nullopt;
  return tokens_->claims();
}

std::vector<TopicInfo> list_topics(const KafkaConnection& connection, milliseconds timeout) {
  OptionFaults faults;
  ConfHandle config = make_config(connection, {}, faults);
  faults.raise("connection");
  BrokerHealth health(connection.bootstrap_servers);
  const BrokerHealth::Quiet quiet(health);
  Client client(RD_KAFKA_PRODUCER, connection, std::move(config), health, {});
  return client.list_topics(timeout);
}

}  // namespace gracedb::kafka
