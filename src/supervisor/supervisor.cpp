#include "supervisor/supervisor.hpp"

#include "core/duration.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "kafka/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::milliseconds;

constexpr milliseconds between_commits{200};
constexpr milliseconds between_polls_for_commit{20};
constexpr milliseconds commit_timeout{3'000};
constexpr milliseconds between_same_complaints{30'000};
constexpr milliseconds after_refusal{1'000};
/// Pausing discards prefetched messages, so pause only after this delay.
constexpr milliseconds delay_before_pause{500};
constexpr milliseconds close_timeout{5'000};

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

std::chrono::microseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

/// None where it is no time at which an event can have been sent.
std::optional<std::chrono::system_clock::time_point> time_of(const std::optional<double>& unix_seconds) {
  constexpr double latest = 9e9;  // as nanoseconds it still fits
  if (!unix_seconds || !(*unix_seconds > 0 && *unix_seconds < latest)) return std::nullopt;
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::duration<double>(*unix_seconds)));
}

/// Not negative where the producer's clock is ahead of ours.
std::chrono::microseconds age_of(std::chrono::system_clock::time_point time) {
  const auto age = std::chrono::system_clock::now() - time;
  return std::max(std::chrono::duration_cast<std::chrono::microseconds>(age), std::chrono::microseconds(0));
}

EventRecord record_of(const kafka::Message& message, Outcome outcome, std::string detail = {}) {
  const bool has_graceid = message.key && is_graceid(*message.key);
  return {.outcome = outcome,
          .graceid = has_graceid ? *message.key : std::string(),
          .topic = message.topic,
          .partition = message.partition,
          .offset = message.offset,
          .detail = std::move(detail)};
}

void log_record(const EventRecord& record) {
  const auto ms = [](std::chrono::microseconds duration) {
    return static_cast<double>(duration.count()) / 1000;
  };
  log::write(level_of(record), logger.name,
             "{} graceid={} topic={} partition={} offset={} attempts={} ms={:.1f}{}{}{}{}",
             name_of(record.outcome), record.graceid.empty() ? "-" : record.graceid, record.topic,
             record.partition, record.offset, record.attempts, ms(record.duration),
             record.latency ? fmt::format(" latency_ms={:.1f}", ms(*record.latency)) : "",
             record.rejection ? fmt::format(" reason={}", name_of(*record.rejection)) : "",
             record.detail.empty() ? "" : ": ", record.detail);
}

Partition partition_of(const kafka::TopicPartition& partition) {
  return {partition.topic, partition.partition};
}

std::optional<std::string> dead_letter_pipeline(const SupervisorOptions& options) {
  if (!options.dead_letter_topic) return std::nullopt;
  return options.dead_letter_topic->pipeline;
}

kafka::ConsumerOptions with_defaults(kafka::ConsumerOptions options) {
  options.topics.clear();
  options.auto_offset_reset = "earliest";  // events from before the group's first day are events, too
  options.check_for_topics = false;        // a broker that is away is waited for
  const std::map<std::string, std::string> defaults = {
      {"client.id", "gracedb-kafka-supervisor"},
      {"partition.assignment.strategy", "cooperative-sticky"},
      // How soon the partitions of a process that was killed go to another one.
      {"session.timeout.ms", "10000"},
      {"topic.metadata.refresh.interval.ms", "30000"},
      // What is fetched ahead is memory outside the window.
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.max.bytes", "10485760"},
  };
  options.kafka_config.insert(defaults.begin(), defaults.end());
  options.kafka_config["enable.auto.commit"] = "false";
  return options;
}

}  // namespace

void check(const SupervisorOptions& options) {
  kafka::OptionFaults faults;
  kafka::make_config(kafka::connection_of(with_defaults(options.consumer)), {}, faults);
  faults.raise("consumer options");
  if (!options.dead_letter_topic) return;
  kafka::OptionFaults topic_faults;
  kafka::make_config(kafka::connection_of(options.dead_letter_topic->producer), {}, topic_faults);
  topic_faults.raise("options of the dead-letter topic");
}

Supervisor::Supervisor(SupervisorOptions options, const MakeUploader& make_uploader)
    : options_(std::move(options)),
      in_flight_(options_.max_in_flight, options_.max_in_flight_bytes),
      subscription_(options_.pipelines, dead_letter_pipeline(options_)),
      complaints_(between_same_complaints),
      results_([this] { consumer_->wakeup(); }) {
  if (!options_.on_settled) options_.on_settled = log_record;
  Spool spool(options_.spool_directory);
  auto topic =
      options_.dead_letter_topic ? std::make_unique<DeadLetterTopic>(*options_.dead_letter_topic) : nullptr;
  consumer_.emplace(consumer_options(), [this](const auto&, const auto& failure) { on_committed(failure); });
  dead_letters_ = std::make_unique<DeadLetterWriter>(std::move(spool), std::move(topic),
                                                     options_.monitor->health(), [this] { wake(); });
  uploader_ = make_uploader(results_);
}

Supervisor::~Supervisor() {
  try {
    consumer_->close(close_timeout);  // calls back into the members below
  } catch (const std::exception& fault) {
    logger.error("while leaving: {}", fault.what());
  }
}

kafka::ConsumerOptions Supervisor::consumer_options() {
  kafka::ConsumerOptions options = with_defaults(options_.consumer);
  options.on_assigned = [this](const auto& partitions) { on_assigned(partitions); };
  options.on_revoked = [this](const auto& partitions) { on_revoked(partitions); };
  return options;
}

void Supervisor::stop() noexcept {
  stopping_ = true;
  wake();
}

void Supervisor::wake() noexcept {
  results_.interrupt();
  consumer_->wakeup();
}

void Supervisor::run() {
  while (true) {
    settle_results();
    if (stopping_ && !drain_deadline_) begin_drain();
    if (is_drained()) break;
    commit_progress();
    follow_topics();
    report();
    if (may_take()) {
      take_one();
    } else {
      hold_back();
    }
  }
  leave();
}

void Supervisor::begin_drain() {
  drain_deadline_ = Clock::now() + options_.drain_timeout;
  options_.monitor->health().set(Check::running, false, "stopping");
  logger.info("stopping: {} uploads are under way", in_flight_.messages());
}

void Supervisor::report() {
  options_.monitor->turned(in_flight_.messages(), in_flight_.bytes());
  if (options_.on_turn) options_.on_turn();
  const auto now = Clock::now();
  if (lag_.is_due(now))
    options_.monitor->set_lag(lag_.look(*consumer_, in_flight_.positions(), paused_, now));
}

// ---- poll

bool Supervisor::is_drained() const {
  if (!drain_deadline_) return false;
  return in_flight_.messages() == 0 || Clock::now() >= *drain_deadline_;
}

bool Supervisor::may_take() {
  if (stopping_ || dead_letters_->is_blocked()) return false;
  return in_flight_.next() != nullptr || in_flight_.has_room();
}

void Supervisor::take_one() {
  if (InFlightMessage* const message = in_flight_.next()) return handle(*message);
  resume();
  auto message = poll(time_to_next_duty());
  if (!message || !in_flight_.receive(*std::move(message))) return;
  InFlightMessage* const received = in_flight_.next();
  if (received != nullptr && !stopping_ && !dead_letters_->is_blocked())
    handle(*received);  // poll() may take long
}

// No room, or stopping. Waits for uploads that end soon; then pauses the partitions and goes on polling, so
// that this process keeps its place in the group.
void Supervisor::hold_back() {
  if (!paused_ && !stopping_) {
    results_.wait(delay_before_pause);
    if (may_take()) return;
    settle_results();
    if (may_take()) return;
  }
  pause();
  auto message = poll(time_to_next_duty());
  // A message that arrives now is of a partition that was assigned after pause().
  if (message && in_flight_.receive(*std::move(message))) paused_ = false;
}

Supervisor::Milliseconds Supervisor::time_to_next_duty() const {
  Milliseconds wait = options_.longest_wait;
  const auto limit = [&](Clock::time_point duty) { wait = std::min(time_left(duty), wait); };
  if (committing_.empty() && !in_flight_.due().empty()) limit(next_commit_);
  if (drain_deadline_) limit(*drain_deadline_);
  return wait;
}

std::optional<kafka::Message> Supervisor::poll(Milliseconds timeout) {
  try {
    auto message = consumer_->poll(timeout);
    if (std::exchange(broker_refuses_, false)) {
      options_.monitor->health().set(Check::broker, true, "the broker accepts our token again");
    }
    return message;
  } catch (const KafkaAuthenticationError& fault) {
    broker_refuses_ = true;
    options_.monitor->health().set(Check::broker, false, fault.what());
    complain(LogLevel::error, fault.what());
    results_.wait(after_refusal);  // the next poll looks for another token at once
  } catch (const KafkaError& fault) {
    if (fault.is_fatal()) throw;
    complain(LogLevel::error, fault.what());
  }
  return std::nullopt;
}

void Supervisor::pause() {
  if (std::exchange(paused_, true)) return;
  consumer_->pause(consumer_->assignment());
  logger.debug("paused: {} uploads of {} bytes are under way", in_flight_.messages(), in_flight_.bytes());
}

void Supervisor::resume() {
  if (!std::exchange(paused_, false)) return;
  consumer_->resume(consumer_->assignment());
  logger.debug("resumed");
}

void Supervisor::follow_topics() {
  const auto now = Clock::now();
  if (stopping_ || !subscription_.is_due(now)) return;
  try {
    subscription_.refresh(*consumer_, now);
  } catch (const KafkaConnectionError& fault) {
    logger.debug("{}", fault.what());  // the consumer has told that no broker answers
  } catch (const KafkaError& fault) {
    if (fault.is_fatal()) throw;
    complain(LogLevel::error, fault.what());
  }
}

void Supervisor::complain(LogLevel level, const std::string& fault) {
  if (complaints_.is_due(fault, Clock::now())) log::write(level, logger.name, "{}", join_lines(fault));
}

// ---- decide, upload

void Supervisor::handle(InFlightMessage& message) {
  message.started = Clock::now();
  const kafka::Message& read = *message.message;
  Decision decision = decide(read, options_.rules);
  std::visit(Overloaded{[&](const Ignore&) { settle(message.id, record_of(read, Outcome::ignored)); },
                        [&](const Skip& skip) {
                          settle(message.id, record_of(read, Outcome::skipped, skip.reason));
                        },
                        [&](Rejection& rejection) {
                          EventRecord record = record_of(read, Outcome::dead_letter, rejection.detail);
                          record.rejection = rejection.kind;
                          in_flight_.reject(message.id, std::move(rejection), std::move(record));
                          write_dead_letters();
                        },
                        [&](Upload& order) {
                          message.graceid = order.graceid;
                          message.produced = time_of(order.event.message.producer_timestamp);
                          upload(message, std::move(order));
                        }},
             decision);
}

void Supervisor::upload(const InFlightMessage& message, Upload order) {
  logger.debug("picked up {} from {}", order.graceid, name_of(Place::of(*message.message)));
  in_flight_.start_upload(message.id);
  uploader_->submit({message.id, std::move(order), message.message->topic});
}

// ---- settle

void Supervisor::settle_results() {
  for (const UploadResult& result : results_.take())
    settle(result);
  for (const MessageId id : dead_letters_->take_written()) {
    if (const InFlightMessage* const message = in_flight_.find(id)) settle(id, EventRecord(message->record));
  }
  write_dead_letters();
}

void Supervisor::settle(const UploadResult& result) {
  const InFlightMessage* const message = in_flight_.find(result.id);
  if (message == nullptr || message->state != MessageState::uploading) return;
  EventRecord record = record_of(*message->message, Outcome::uploaded, result.reason);
  record.graceid = message->graceid;
  record.attempts = result.attempts;
  record.duration = since(message->started);
  if (message->produced) record.latency = age_of(*message->produced);
  if (result.verdict == Verdict::refused) {
    record.outcome = Outcome::dead_letter;
    record.rejection = Rejection::Kind::refused;
    return in_flight_.reject(result.id, {Rejection::Kind::refused, result.reason}, std::move(record));
  }
  if (result.verdict == Verdict::duplicate) record.outcome = Outcome::duplicate;
  settle(result.id, record);
}

void Supervisor::settle(MessageId id, const EventRecord& record) {
  if (!in_flight_.settle(id)) return;
  options_.monitor->settled(record);
  options_.on_settled(record);
}

void Supervisor::write_dead_letters() {
  std::vector<DeadLetterOrder> orders;
  for (const InFlightMessage* message : in_flight_.start_dead_letters())
    orders.push_back({message->id, message->message, message->rejection.value()});
  dead_letters_->submit(std::move(orders));
}

// ---- commit

// One at a time, so that each answer is known to belong to what was sent last.
void Supervisor::commit_progress() {
  const auto now = Clock::now();
  if (now < next_commit_ || !committing_.empty()) return;
  auto positions = in_flight_.due();
  if (positions.empty()) return;
  next_commit_ = now + between_commits;
  try {
    consumer_->commit_async(positions);
    in_flight_.commit_requested(positions);
    committing_ = std::move(positions);
  } catch (const KafkaError& fault) {
    if (!fault.is_retriable()) complain(LogLevel::error, fault.what());
  }
}

void Supervisor::on_committed(const std::string& failure) {
  const auto positions = std::exchange(committing_, {});
  if (failure.empty()) return in_flight_.commit_succeeded(positions);
  complain(LogLevel::warning, failure + "; trying again");
  in_flight_.commit_failed(positions);
}

// close() commits, too, but cannot during a rebalance.
void Supervisor::finish_commits() {
  const auto deadline = Clock::now() + commit_timeout;
  while (in_flight_.has_uncommitted() && Clock::now() < deadline) {
    commit_progress();
    poll(between_polls_for_commit);  // what it may bring is left to the next supervisor
  }
}

void Supervisor::commit_last(const std::vector<kafka::TopicPartition>& positions) {
  if (positions.empty()) return;
  try {
    consumer_->commit(positions);
    in_flight_.commit_succeeded(positions);
  } catch (const KafkaError& fault) {
    logger.warning("{}; what is settled but not committed is seen again and found complete", fault.what());
  }
  in_flight_.commit_requested(positions);
}

// ---- partitions come and go

void Supervisor::on_assigned(const std::vector<kafka::TopicPartition>& partitions) {
  for (const auto& partition : partitions)
    in_flight_.assign(partition_of(partition));
  if (paused_) consumer_->pause(partitions);
  report_partitions();
  if (std::exchange(ready_, true)) return;
  logger.info("ready: reading {} partitions as a member of group {}", partitions.size(),
              consumer_->group_id());
  if (options_.on_ready) options_.on_ready();
}

void Supervisor::on_revoked(const std::vector<kafka::TopicPartition>& partitions) {
  std::vector<Partition> leaving;
  leaving.reserve(partitions.size());
  for (const auto& partition : partitions)
    leaving.push_back(partition_of(partition));
  wait_for_uploads_of(leaving);
  std::vector<kafka::TopicPartition> positions;
  for (const Partition& partition : leaving) {
    for (auto& position : in_flight_.due(partition))
      positions.push_back(std::move(position));
  }
  commit_last(positions);
  for (const Partition& partition : leaving)
    abandon(partition);
  if (in_flight_.partitions() > 0) return report_partitions();
  options_.monitor->health().set(Check::partitions, false, "waiting for a new share of the partitions");
}

void Supervisor::report_partitions() {
  options_.monitor->health().set(
      Check::partitions, true,
      in_flight_.partitions() > 0 ? fmt::format("reading {}", in_flight_.partitions())
                                  : std::string("standing by: the group has more members than partitions"));
}

void Supervisor::wait_for_uploads_of(const std::vector<Partition>& partitions) {
  auto deadline = Clock::now() + options_.revocation_timeout;
  if (drain_deadline_) deadline = std::min(deadline, *drain_deadline_);
  const auto is_busy = [&] {
    return std::any_of(partitions.begin(), partitions.end(),
                       [this](const auto& each) { return in_flight_.is_processing(each); });
  };
  while (true) {
    const auto left = time_left(deadline);
    if (left == Milliseconds(0) || !is_busy()) return;
    results_.wait(left);
    settle_results();
  }
}

// The partition's next owner reads the unsettled messages again.
void Supervisor::abandon(const Partition& partition) {
  const std::vector<MessageId> dropped = in_flight_.revoke(partition);
  uploader_->abandon(dropped);
  dead_letters_->abandon(dropped);
}

void Supervisor::leave() {
  if (in_flight_.messages() > 0) {
    logger.warning("{} uploads did not end in time; they are left to the next supervisor",
                   in_flight_.messages());
  }
  finish_commits();
  consumer_->close(close_timeout);
  logger.info("stopped");
}

}  // namespace gracedb::supervisor
