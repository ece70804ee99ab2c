#include "gracedb/kafka/consumer.hpp"

#include "core/duration.hpp"
#include "core/encoding.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/assignment.hpp"
#include "kafka/client.hpp"
#include "kafka/group_consumer.hpp"
#include "kafka/librdkafka.hpp"
#include "kafka/librdkafka_workarounds.hpp"
#include "kafka/wakeup.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds destructor_close_timeout{5'000};
/// For the LeaveGroup response in the destructor, after close() was interrupted.
constexpr milliseconds destructor_leave_timeout{1'000};

/// "gracedb-client-" and the first 8 hex digits of SHA-256("<host>-<process id>-<nanoseconds>").
std::string new_group_id() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string seed = fmt::format("{}-{}-{}", host.data(), ::getpid(), now);
  return "gracedb-client-" + sha256_hex(seed).substr(0, 8);
}

Properties consumer_defaults(const ConsumerOptions& options, const std::string& group_id) {
  Properties defaults{
      {"client.id", "gracedb-kafka-consumer"},
      {"group.id", group_id},
      {"auto.offset.reset", options.auto_offset_reset},
      // A message counts as processed when the next one is requested, not when it is returned.
      {"enable.auto.offset.store", "false"},
      // A fetch waits for the previous one: large fetches save round trips.
      {"max.partition.fetch.bytes", "4194304"},
      {"enable.partition.eof", options.track_end ? "true" : "false"},
      // The client cannot be destroyed before a commit is answered or has timed out.
      {"socket.timeout.ms", "10000"},
  };
  // Checks a full fetch queue every 10 ms instead of every second. Older versions need FetchWakeup.
  if (!FetchWakeup::is_needed()) defaults["fetch.queue.backoff.ms"] = "10";
  return defaults;
}

void check(const ConsumerOptions& options, OptionFaults& faults) {
  if (options.group_id && options.group_id->empty())
    faults.add("group_id is empty; omit it to get a new group");
  if (options.auto_offset_reset != "latest" && options.auto_offset_reset != "earliest") {
    faults.add(
        fmt::format("auto_offset_reset '{}' is neither latest nor earliest", options.auto_offset_reset));
  }
}

[[noreturn]] void throw_rebalance_in_progress() {
  constexpr auto code = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
  throw KafkaConsumerError(error_text("commit", code), error_code(code), true);
}

bool is_retriable_commit_error(rd_kafka_resp_err_t code) {
  return is_connection_error(code) || code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
         code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
}

}  // namespace

class Consumer::Impl {
 public:
  explicit Impl(ConsumerOptions options);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { finish_leaving(); }

  rd_kafka_t* handle() const noexcept { return client_->handle(); }
  rd_kafka_queue_t* queue() const noexcept { return queue_.get(); }
  const GroupRequestTracker& group_requests() const noexcept { return group_requests_; }
  bool is_closed() const noexcept { return closed_; }
  void require_open() const;
  void subscribe(const std::vector<std::string>& pipelines);
  std::vector<TopicInfo> list_topics(milliseconds timeout);

  std::optional<Message> poll(milliseconds timeout, bool watch_signals);
  std::vector<Message> poll_batch(std::size_t most, milliseconds timeout);
  void wakeup() noexcept;
  void forget_current() noexcept { current_.clear(); }

  void commit();
  void commit(const std::vector<TopicPartition>& next_offsets);
  std::vector<TopicPartition> assignment() const;
  CommitCallback on_committed;  ///< of GroupConsumer::commit_async()

  void close(milliseconds timeout);
  /// True if the destruction of this object would abort the process; see
  /// GroupRequestTracker::destroy_aborts().
  bool must_leak() const noexcept {
    return client_ && client_->handle() != nullptr &&
           group_requests_.destroy_aborts(rd_kafka_conf(handle()), assignment_.was_assigned());
  }
  void finish_leaving() noexcept;

  bool at_end() const noexcept { return assignment_.at_end(); }
  /// True if wakeup() or a signal ended the last poll().
  bool was_interrupted() const noexcept { return interrupted_; }
  bool is_unwinding() const noexcept { return std::uncaught_exceptions() > uncaught_at_construction_; }
  const std::string& group_id() const noexcept { return group_id_; }
  const std::string& instance_name() const noexcept { return instance_name_; }

 private:
  std::vector<std::string> topic_names(const std::vector<std::string>& pipelines, OptionFaults& faults) const;
  void subscribe_to(const std::vector<std::string>& topics);

  MessageHandle next(milliseconds timeout, bool watch_signals);
  void mark_processed();
  bool take_wakeup() noexcept;
  bool is_message(const rd_kafka_message_t& raw);
  void handle_error(const rd_kafka_message_t& raw);
  void wait(milliseconds timeout, bool watch_signals) const;

  rd_kafka_resp_err_t commit_and_wait(const std::vector<TopicPartition>& next_offsets);

  ConsumerOptions options_;
  std::string group_id_;
  std::string instance_name_;
  bool stores_offsets_ = true;  ///< auto-commit is on, and this class stores the offsets to commit
  bool closing_ = false;
  bool closed_ = false;
  bool interrupted_ = false;
  int uncaught_at_construction_ = std::uncaught_exceptions();
  WakeupEvent message_arrived_;
  WakeupEvent woken_up_;
  /// Set after woken_up_; saves poll() a system call.
  std::atomic<bool> wakeup_requested_{false};
  GroupRequestTracker group_requests_;
  Assignment assignment_;
  BrokerHealth health_;
  std::optional<Client> client_;  // calls back into the members above until it is destroyed
  QueueHandle queue_;
  std::optional<FetchWakeup> fetch_wakeup_;
  std::optional<GroupLeave> leave_;
  std::vector<MessageHandle> current_;  ///< returned last, not yet processed
  std::deque<MessageHandle> requeued_;  ///< of a poll_batch() that threw
};

Consumer::Impl::Impl(ConsumerOptions options)
    : options_(std::move(options)),
      group_id_(options_.group_id.value_or(new_group_id())),
      assignment_(options_),
      health_(options_.bootstrap_servers) {
  const KafkaConnection settings = connection_of(options_);
  OptionFaults faults;
  check(options_, faults);
  instance_name_ = instance_name_of(options_.instance_name, options_.service_url, faults);
  const std::vector<std::string> topics = topic_names(options_.topics, faults);
  ConfHandle config = make_config(settings, consumer_defaults(options_, group_id_), faults);
  faults.raise("consumer options");

  group_id_ = property(config.get(), "group.id");
  stores_offsets_ = property(config.get(), "enable.auto.commit") == "true" &&
                    property(config.get(), "enable.auto.offset.store") == "false";
  group_requests_.attach(config.get());
  client_.emplace(RD_KAFKA_CONSUMER, settings, std::move(config), health_, assignment_.hooks());
  if (options_.check_for_topics) client_->check_for_topics(topics, instance_name_);
  client_->redirect_to_consumer_queue();
  queue_.reset(rd_kafka_queue_get_consumer(handle()));
  if (FetchWakeup::is_needed()) fetch_wakeup_.emplace(handle(), queue_.get(), assignment_.partitions());
  const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_.get(), message_arrived_.descriptor(), &one, sizeof one);
  if (!topics.empty()) subscribe_to(topics);
}

void Consumer::Impl::require_open() const {
  if (closed_) throw KafkaConsumerError("the consumer is closed");
}

// ---- Topics

std::vector<std::string> Consumer::Impl::topic_names(const std::vector<std::string>& pipelines,
                                                     OptionFaults& faults) const {
  std::vector<std::string> topics;
  topics.reserve(pipelines.size());
  for (const std::string& pipeline : pipelines)
    topics.push_back(checked_topic(instance_name_, pipeline, faults));
  return topics;
}

void Consumer::Impl::subscribe(const std::vector<std::string>& pipelines) {
  require_open();
  if (pipelines.empty()) throw KafkaConsumerError("subscribe: no topic given");
  OptionFaults faults;
  const std::vector<std::string> topics = topic_names(pipelines, faults);
  faults.raise("subscribe");
  subscribe_to(topics);
}

void Consumer::Impl::subscribe_to(const std::vector<std::string>& topics) {
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  const auto code = rd_kafka_subscribe(handle(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw KafkaConsumerError(error_text("subscribe", code), error_code(code));
}

std::vector<TopicInfo> Consumer::Impl::list_topics(milliseconds timeout) {
  require_open();
  return client_->list_topics(timeout);
}

// ---- Messages

std::optional<Message> Consumer::Impl::poll(milliseconds timeout, bool watch_signals) {
  require_open();
  mark_processed();
  MessageHandle raw = next(timeout, watch_signals);
  if (!raw) return std::nullopt;
  Message message = message_of(*raw);
  current_.push_back(std::move(raw));
  return message;
}

std::vector<Message> Consumer::Impl::poll_batch(std::size_t most, milliseconds timeout) {
  require_open();
  mark_processed();
  const auto deadline = steady_clock::now() + timeout;
  std::vector<MessageHandle> batch;
  try {
    while (batch.size() < most) {
      MessageHandle raw = next(timeout < milliseconds(0) ? timeout : time_left(deadline), false);
      if (!raw) break;
      batch.push_back(std::move(raw));
    }
  } catch (...) {
    std::move(batch.begin(), batch.end(), std::back_inserter(requeued_));
    throw;
  }
  std::vector<Message> messages;
  messages.reserve(batch.size());
  for (const MessageHandle& raw : batch)
    messages.push_back(message_of(*raw));
  current_ = std::move(batch);
  return messages;
}

MessageHandle Consumer::Impl::next(milliseconds timeout, bool watch_signals) {
  if (!requeued_.empty()) {
    MessageHandle raw = std::move(requeued_.front());
    requeued_.pop_front();
    return raw;
  }
  std::optional<steady_clock::time_point> deadline;  // the clock is not read while messages are there
  while (true) {
    interrupted_ = take_wakeup() || (watch_signals && StopSignals::received() != 0);
    if (interrupted_) return nullptr;
    MessageHandle raw(rd_kafka_consumer_poll(handle(), 0));
    assignment_.rethrow_callback_error();
    if (raw) {
      if (is_message(*raw)) {
        if (fetch_wakeup_) fetch_wakeup_->on_message(raw->len);
        return raw;
      }
      if (options_.track_end && at_end()) return nullptr;
      continue;
    }
    client_->require_health();
    if (!deadline) deadline = steady_clock::now() + timeout;
    const auto left = time_left(*deadline);
    if (timeout >= milliseconds(0) && left == milliseconds(0)) return nullptr;
    wait(interruption::slice(timeout < milliseconds(0) ? milliseconds(1000) : left), watch_signals);
    interruption::check();
    require_open();  // check() may have closed the consumer
  }
}

void Consumer::Impl::mark_processed() {
  if (stores_offsets_) {
    // Fails only if the partition was revoked; its new owner reads the message again.
    for (const MessageHandle& message : current_)
      rd_kafka_offset_store(message->rkt, message->partition, message->offset);
  }
  current_.clear();
}

void Consumer::Impl::wakeup() noexcept {
  woken_up_.set();
  wakeup_requested_ = true;
}

bool Consumer::Impl::take_wakeup() noexcept {
  if (!wakeup_requested_.load(std::memory_order_relaxed) || !wakeup_requested_.exchange(false)) return false;
  woken_up_.take();
  return true;
}

bool Consumer::Impl::is_message(const rd_kafka_message_t& raw) {
  if (raw.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    assignment_.reached_end(rd_kafka_topic_name(raw.rkt), raw.partition);
    return false;
  }
  if (raw.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    handle_error(raw);
    return false;
  }
  health_.note_success();
  if (options_.track_end) assignment_.left_end(rd_kafka_topic_name(raw.rkt), raw.partition);
  return true;
}

void Consumer::Impl::handle_error(const rd_kafka_message_t& raw) {
  const std::string where = raw.rkt != nullptr ? rd_kafka_topic_name(raw.rkt) : options_.bootstrap_servers;
  const std::string text = error_text(where, raw.err, rd_kafka_message_errstr(&raw));
  if (is_topic_error(raw.err)) throw KafkaTopicError(text, error_code(raw.err));
  switch (raw.err) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__FATAL:
      throw KafkaConsumerError(text, error_code(raw.err));
    default:
      // librdkafka recovers: it reconnects, rejoins the group or resets the offset.
      logger.warning("{}", text);
  }
}

void Consumer::Impl::wait(milliseconds timeout, bool watch_signals) const {
  std::array<pollfd, 3> events{{{message_arrived_.descriptor(), POLLIN, 0},
                                {woken_up_.descriptor(), POLLIN, 0},
                                {watch_signals ? StopSignals::descriptor() : -1, POLLIN, 0}}};
  ::poll(events.data(), events.size(), static_cast<int>(timeout.count()));
  message_arrived_.take();
}

// ---- Offsets

void Consumer::Impl::commit() {
  require_open();
  mark_processed();
  const auto partitions = assignment();
  if (partitions.empty()) return;
  const PartitionsHandle list = to_librdkafka(partitions);
  rd_kafka_position(handle(), list.get());
  std::vector<TopicPartition> positions = from_librdkafka(*list);
  std::erase_if(positions, [](const TopicPartition& position) { return !position.offset; });
  if (!positions.empty()) commit(positions);
}

void Consumer::Impl::commit(const std::vector<TopicPartition>& next_offsets) {
  require_open();
  if (group_requests_.commit_loses_partitions()) throw_rebalance_in_progress();
  const auto code = commit_and_wait(next_offsets);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    client_->require_health();
    throw KafkaConsumerError(error_text("commit", code), error_code(code), is_retriable_commit_error(code));
  }
}

rd_kafka_resp_err_t Consumer::Impl::commit_and_wait(const std::vector<TopicPartition>& next_offsets) {
  const QueueHandle results(rd_kafka_queue_new(handle()));
  const PartitionsHandle list = to_librdkafka(next_offsets);
  const auto code = rd_kafka_commit_queue(handle(), list.get(), results.get(), nullptr, nullptr);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  while (true) {
    const EventHandle event(
        rd_kafka_queue_poll(results.get(), static_cast<int>(interruption::longest_wait.count())));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_OFFSET_COMMIT)
      return rd_kafka_event_error(event.get());
    interruption::check();
  }
}

std::vector<TopicPartition> Consumer::Impl::assignment() const {
  rd_kafka_topic_partition_list_t* found = nullptr;
  if (closed_ || rd_kafka_assignment(handle(), &found) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return from_librdkafka(*PartitionsHandle(found));
}

// ---- Closing

void Consumer::Impl::close(milliseconds timeout) {
  if (std::exchange(closing_, true)) return;
  mark_processed();
  requeued_.clear();
  leave_.emplace(handle(), assignment_, group_requests_);
  try {
    const bool has_left = leave_->serve_until(steady_clock::now() + timeout);  // on_revoked may still commit
    closed_ = true;
    if (!has_left) {
      logger.warning(
          "group {}: timed out leaving the group; the broker removes this member after session.timeout.ms",
          group_id_);
      leave_->finish(milliseconds(0));
    }
  } catch (...) {  // interrupted: the destructor leaves the group and waits for librdkafka's threads
    closed_ = true;
    throw;
  }
  leave_.reset();
  queue_.reset();
  if (!must_leak()) client_->destroy();
  assignment_.rethrow_callback_error();
}

void Consumer::Impl::finish_leaving() noexcept {
  if (leave_) leave_->finish(destructor_leave_timeout);
  leave_.reset();
}

// ---- Consumer

Consumer::Consumer(ConsumerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Consumer::~Consumer() {
  if (!impl_) return;
  try {
    if (impl_->is_unwinding()) impl_->forget_current();
    impl_->close(destructor_close_timeout);
  } catch (const std::exception& error) {
    logger.error("closing a consumer: {}", error.what());
  } catch (...) {
    logger.error("closing a consumer: a callback threw a non-standard exception");
  }
  if (!impl_->must_leak()) return;
  impl_->finish_leaving();
  static_cast<void>(impl_.release());  // NOLINT(bugprone-unused-return-value): its threads still use it
}

Consumer::Consumer(Consumer&&) noexcept = default;

Consumer& Consumer::operator=(Consumer&& other) noexcept {
  Consumer closing(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

void Consumer::subscribe(const std::vector<std::string>& topics) { impl_->subscribe(topics); }

std::optional<Message> Consumer::poll(milliseconds timeout) { return impl_->poll(timeout, false); }

std::vector<Message> Consumer::poll_batch(std::size_t most, milliseconds timeout) {
  return impl_->poll_batch(most, timeout);
}

MessageStream Consumer::stream(milliseconds timeout, std::optional<std::size_t> count) {
  return {*this, timeout, count};
}

void Consumer::wakeup() noexcept { impl_->wakeup(); }

void Consumer::forget_current() noexcept { impl_->forget_current(); }

void Consumer::commit() { impl_->commit(); }

void Consumer::commit(const Message& message) {
  impl_->commit({TopicPartition{message.topic, message.partition, message.offset + 1}});
}

void Consumer::commit(const std::vector<TopicPartition>& next_offsets) { impl_->commit(next_offsets); }

std::vector<TopicPartition> Consumer::assignment() const { return impl_->assignment(); }

bool Consumer::at_end() const { return impl_->at_end(); }

void Consumer::close(milliseconds timeout) { impl_->close(timeout); }

std::vector<TopicInfo> Consumer::list_topics(milliseconds timeout) { return impl_->list_topics(timeout); }

const std::string& Consumer::group_id() const noexcept { return impl_->group_id(); }

const std::string& Consumer::instance_name() const noexcept { return impl_->instance_name(); }

// ---- GroupConsumer

namespace {

/// @param callback  a CommitCallback
void on_commit_result(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* offsets,
                      void* callback) noexcept {
  const auto& on_committed = *static_cast<const CommitCallback*>(callback);
  if (!on_committed) return;
  try {
    on_committed(offsets == nullptr ? std::vector<TopicPartition>() : from_librdkafka(*offsets),
                 code == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : error_text("commit", code));
  } catch (const std::exception& error) {
    logger.error("on_committed threw: {}", error.what());
  } catch (...) {
    logger.error("on_committed threw a non-standard exception");
  }
}

}  // namespace

GroupConsumer::GroupConsumer(ConsumerOptions options, CommitCallback on_committed)
    : Consumer(std::move(options)) {
  impl_->on_committed = std::move(on_committed);
}

void GroupConsumer::commit_async(const std::vector<TopicPartition>& next_offsets) {
  impl_->require_open();
  if (impl_->group_requests().commit_may_lose_partitions()) throw_rebalance_in_progress();
  const PartitionsHandle list = to_librdkafka(next_offsets);
  const auto code = rd_kafka_commit_queue(impl_->handle(), list.get(), impl_->queue(), &on_commit_result,
                                          &impl_->on_committed);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw KafkaConsumerError(error_text("commit", code), error_code(code));
}

std::vector<TopicPartition> GroupConsumer::committed(milliseconds timeout) {
  impl_->require_open();
  const PartitionsHandle list = to_librdkafka(assignment());
  if (list->cnt == 0) return {};
  const auto code = rd_kafka_committed(impl_->handle(), list.get(), static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw KafkaConsumerError(error_text("committed", code), error_code(code));
  return from_librdkafka(*list);
}

std::vector<TopicPartition> GroupConsumer::beginning_offsets(milliseconds timeout) {
  impl_->require_open();
  return request_offsets(impl_->handle(), assignment(), RD_KAFKA_OFFSET_BEGINNING, timeout);
}

std::vector<TopicPartition> GroupConsumer::end_offsets(milliseconds timeout) {
  impl_->require_open();
  return request_offsets(impl_->handle(), assignment(), RD_KAFKA_OFFSET_END, timeout);
}

std::vector<TopicPartition> GroupConsumer::cached_end_offsets() const {
  std::vector<TopicPartition> ends;
  for (TopicPartition& partition : assignment()) {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    const auto code = rd_kafka_get_watermark_offsets(impl_->handle(), partition.topic.c_str(),
                                                     partition.partition, &begin, &end);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || end < 0) continue;
    partition.offset = end;
    ends.push_back(std::move(partition));
  }
  return ends;
}

void GroupConsumer::pause(const std::vector<TopicPartition>& partitions) {
  impl_->require_open();
  rd_kafka_pause_partitions(impl_->handle(), to_librdkafka(partitions).get());
}

void GroupConsumer::resume(const std::vector<TopicPartition>& partitions) {
  impl_->require_open();
  resume_partitions(impl_->handle(), *to_librdkafka(partitions));
}

// ---- MessageStream

struct MessageStream::SignalGuard {
  StopSignals signals;
};

MessageStream::MessageStream(Consumer& consumer, milliseconds timeout, std::optional<std::size_t> count)
    : consumer_(consumer), timeout_(timeout), remaining_(count), signals_(std::make_unique<SignalGuard>()) {}

MessageStream::~MessageStream() = default;

MessageStream::Iterator MessageStream::begin() {
  advance();
  return Iterator(this);
}

void MessageStream::advance() {
  current_.reset();
  if (remaining_ && *remaining_ == 0) return;
  if (remaining_) --*remaining_;
  Consumer::Impl& source = *consumer_.impl_;
  while (!source.at_end()) {
    current_ = source.poll(timeout_, true);
    if (current_ || source.was_interrupted()) return;
  }
}

int MessageStream::ended_by_signal() const noexcept { return StopSignals::received(); }

}  // namespace gracedb::kafka
