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
/// Pausing throws away what has been fetched, so that short waits are sat out.
constexpr milliseconds patience_before_pause{500};
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
  // A partition is read from where a transaction under way will have left it.
  options.kafka_config["isolation.level"] = "read_committed";
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
      window_(options_.max_in_flight, options_.max_in_flight_bytes),
      subscription_(options_.pipelines, dead_letter_pipeline(options_)),
      complaints_(between_same_complaints),
      results_([this] { consumer_->wakeup(); }) {
  if (!options_.on_settled) options_.on_settled = log_record;
  Spool spool(options_.spool_directory);
  auto topic =
      options_.dead_letter_topic ? std::make_unique<DeadLetterTopic>(*options_.dead_letter_topic) : nullptr;
  consumer_.emplace(consumer_options(), [this](const auto&, const auto& failure) { on_committed(failure); });
  dead_letters_ = std::make_unique<DeadLetterOffice>(std::move(spool), std::move(topic),
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
  logger.info("stopping: {} uploads are under way", window_.messages());
}

void Supervisor::report() {
  options_.monitor->turned(window_.messages(), window_.bytes());
  if (options_.on_turn) options_.on_turn();
  const auto now = Clock::now();
  if (lag_.is_due(now)) options_.monitor->set_lag(lag_.look(*consumer_, ledger_, paused_, now));
}

// ---- poll

bool Supervisor::is_drained() const {
  if (!drain_deadline_) return false;
  return window_.empty() || Clock::now() >= *drain_deadline_;
}

bool Supervisor::may_take() const {
  if (stopping_ || dead_letters_->is_stuck() || !window_.has_room()) return false;
  return waiting_.empty() || window_.has_room_for(waiting_.front());
}

void Supervisor::take_one() {
  if (!waiting_.empty()) {
    kafka::Message message = std::move(waiting_.front());
    waiting_.pop_front();
    handle(std::move(message));
    return;
  }
  resume();
  auto message = poll(time_to_next_duty());
  if (!message || !ledger_.take(*message)) return;
  if (may_take() && window_.has_room_for(*message)) {  // the wait for it may have been long
    handle(*std::move(message));
  } else {
    waiting_.push_back(*std::move(message));
  }
}

// No room, or stopping. Uploads that end soon are waited for; from then on the partitions are paused and
// polling keeps us in the group.
void Supervisor::hold_back() {
  if (!paused_ && !stopping_) {
    results_.wait(patience_before_pause);
    if (may_take()) return;
    settle_results();
    if (may_take()) return;
  }
  pause();
  auto message = poll(time_to_next_duty());
  if (!message || !ledger_.take(*message)) return;
  waiting_.push_back(*std::move(message));
  paused_ = false;  // its partition has slipped through
}

Supervisor::Milliseconds Supervisor::time_to_next_duty() const {
  Milliseconds wait = options_.longest_wait;
  const auto limit = [&](Clock::time_point duty) { wait = std::min(time_left(duty), wait); };
  if (committing_.empty() && !due_positions().empty()) limit(next_commit_);
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
  logger.debug("paused: {} uploads of {} bytes are under way", window_.messages(), window_.bytes());
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

void Supervisor::handle(kafka::Message message) {
  const auto picked_up = Clock::now();
  Decision decision = decide(message, options_.rules);
  std::visit(
      Overloaded{
          [&](const Ignore&) { settled(message, record_of(message, Outcome::ignored)); },
          [&](const Skip& skip) { settled(message, record_of(message, Outcome::skipped, skip.reason)); },
          [&](Rejection& rejection) { set_aside(std::move(message), std::move(rejection), picked_up); },
          [&](Upload& order) { upload(std::move(message), std::move(order), picked_up); }},
      decision);
}

void Supervisor::set_aside(kafka::Message message, Rejection rejection, Clock::time_point picked_up) {
  EventRecord record = record_of(message, Outcome::set_aside, rejection.detail);
  record.rejection = rejection.kind;
  auto kept = std::make_shared<const kafka::Message>(std::move(message));
  const Window::Id id = window_.add({kept, record.graceid, picked_up});
  set_aside({id, std::move(kept), std::move(rejection), std::move(record)});
}

void Supervisor::set_aside(Rejected rejected) {
  ledger_.reject(*rejected.message);
  fence_.hold(std::move(rejected));
  next_commit_ = Clock::now();
}

void Supervisor::upload(kafka::Message message, Upload order, Clock::time_point picked_up) {
  logger.debug("picked up {} from {}", order.graceid, name_of(Place::of(message)));
  std::string topic = message.topic;
  const auto produced = time_of(order.event.message.producer_timestamp);
  const Window::Id id = window_.add(
      {std::make_shared<const kafka::Message>(std::move(message)), order.graceid, picked_up, produced});
  uploader_->submit({id, std::move(order), std::move(topic)});
}

// ---- settle

void Supervisor::settle_results() {
  for (const UploadResult& result : results_.take())
    settle(result);
  for (const Rejected& rejected : dead_letters_->take_done())
    settle(rejected);
  for (Rejected& rejected : dead_letters_->take_returned()) {
    fence_.done(rejected);
    if (window_.find(rejected.id) != nullptr) set_aside(std::move(rejected));
  }
}

void Supervisor::settle(const UploadResult& result) {
  const InFlight* const in_flight = window_.find(result.id);
  if (in_flight == nullptr) return;
  EventRecord record = record_of(*in_flight->message, Outcome::uploaded, result.reason);
  record.graceid = in_flight->graceid;
  record.attempts = result.attempts;
  record.duration = since(in_flight->picked_up);
  if (in_flight->produced) record.latency = age_of(*in_flight->produced);
  if (result.verdict == Verdict::refused) {
    record.outcome = Outcome::set_aside;
    record.rejection = Rejection::Kind::refused;
    return set_aside({result.id, in_flight->message, {Rejection::Kind::refused, result.reason}, record});
  }
  if (result.verdict == Verdict::duplicate) record.outcome = Outcome::duplicate;
  settled(*window_.remove(result.id)->message, record);
}

void Supervisor::settle(const Rejected& rejected) {
  fence_.done(rejected);
  next_commit_ = Clock::now();  // others of its partition may wait behind it
  const auto in_flight = window_.remove(rejected.id);
  if (in_flight) settled(*in_flight->message, rejected.record);
}

void Supervisor::settled(const kafka::Message& message, const EventRecord& record) {
  ledger_.settle(message);
  options_.monitor->settled(record);
  options_.on_settled(record);
}

// ---- commit

std::vector<kafka::TopicPartition> Supervisor::due_positions() const {
  return ledger_.due(fence_.due(ledger_), fence_.beyond());
}

// One at a time, so that each answer is known to belong to what was sent last.
void Supervisor::commit_progress() {
  const auto now = Clock::now();
  if (now < next_commit_ || !committing_.empty()) return;
  auto positions = due_positions();
  if (positions.empty()) return;
  next_commit_ = now + between_commits;
  try {
    consumer_->commit_async(positions);
    ledger_.requested(positions);
    fence_.sent(ledger_);
    committing_ = std::move(positions);
  } catch (const KafkaError& fault) {
    if (!fault.is_retriable()) complain(LogLevel::error, fault.what());
  }
}

void Supervisor::on_committed(const std::string& failure) {
  const auto positions = std::exchange(committing_, {});
  if (failure.empty()) {
    ledger_.committed(positions);
    return let_through();
  }
  complain(LogLevel::warning, failure + "; trying again");
  ledger_.failed(positions);
  fence_.failed();
}

void Supervisor::let_through() {
  std::vector<Rejected> rejected = fence_.taken();
  if (rejected.empty()) return;
  const std::string group_metadata = consumer_->group_metadata();
  for (Rejected& each : rejected)
    each.group_metadata = group_metadata;
  dead_letters_->submit(std::move(rejected));
}

// Leaving commits, too, but cannot while the group is sharing its partitions out anew.
void Supervisor::finish_commits() {
  const auto deadline = Clock::now() + commit_timeout;
  while (ledger_.has_uncommitted(fence_.beyond()) && Clock::now() < deadline) {
    commit_progress();
    poll(between_polls_for_commit);  // what it may bring is left to the next supervisor
  }
}

void Supervisor::commit_last(const std::vector<kafka::TopicPartition>& positions) {
  if (positions.empty()) return;
  try {
    consumer_->commit(positions);
    ledger_.committed(positions);
  } catch (const KafkaError& fault) {
    logger.warning("{}; what is settled but not committed is seen again and found complete", fault.what());
  }
  ledger_.requested(positions);
}

// ---- partitions come and go

void Supervisor::on_assigned(const std::vector<kafka::TopicPartition>& partitions) {
  for (const auto& partition : partitions)
    ledger_.assign(partition_of(partition));
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
    if (fence_.is_beyond(partition)) continue;
    for (auto& position : ledger_.due(partition))
      positions.push_back(std::move(position));
  }
  commit_last(positions);
  for (const Partition& partition : leaving)
    give_up(partition);
  if (ledger_.size() > 0) return report_partitions();
  options_.monitor->health().set(Check::partitions, false, "waiting for a new share of the partitions");
}

void Supervisor::report_partitions() {
  options_.monitor->health().set(
      Check::partitions, true,
      ledger_.size() > 0 ? fmt::format("reading {}", ledger_.size())
                         : std::string("standing by: the group has more members than partitions"));
}

void Supervisor::wait_for_uploads_of(const std::vector<Partition>& partitions) {
  auto deadline = Clock::now() + options_.revocation_timeout;
  if (drain_deadline_) deadline = std::min(deadline, *drain_deadline_);
  const auto is_busy = [&] {
    return std::any_of(partitions.begin(), partitions.end(),
                       [this](const auto& each) { return window_.holds(each); });
  };
  while (true) {
    // Nothing more goes through the fence.
    for (const Partition& partition : partitions) {
      for (const Window::Id id : fence_.drop(partition))
        window_.remove(id);
    }
    const auto left = time_left(deadline);
    if (left == Milliseconds(0) || !is_busy()) return;
    results_.wait(left);
    settle_results();
  }
}

// What is not settled by now is left to the partition's next owner.
void Supervisor::give_up(const Partition& partition) {
  const std::vector<Window::Id> dropped = window_.drop(partition);
  uploader_->abandon(dropped);
  dead_letters_->abandon(dropped);
  fence_.forget(partition);
  std::erase_if(waiting_, [&](const kafka::Message& message) { return Partition::of(message) == partition; });
  ledger_.revoke(partition);
}

void Supervisor::leave() {
  if (!window_.empty()) {
    logger.warning("{} uploads did not end in time; they are left to the next supervisor",
                   window_.messages());
  }
  finish_commits();
  consumer_->close(close_timeout);
  logger.info("stopped");
}

}  // namespace gracedb::supervisor
