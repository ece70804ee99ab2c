#include "gracedb/kafka/consumer.hpp"

#include "core/clock.hpp"
#include "core/interruption.hpp"
#include "core/log.hpp"
#include "kafka/assignment.hpp"
#include "kafka/client.hpp"
#include "kafka/conversions.hpp"
#include "kafka/error_text.hpp"
#include "kafka/group_leave.hpp"
#include "kafka/group_metadata.hpp"
#include "kafka/group_requests.hpp"
#include "kafka/refill.hpp"
#include "kafka/wake.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds destructor_timeout{5'000};
/// After close() was interrupted.
constexpr milliseconds time_to_leave{1'000};

/// A name that no other consumer has: "gracedb-client-" and the first 8 hex digits of
/// SHA-256("<host>-<process id>-<nanoseconds>").
std::string ephemeral_group_id() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string seed = fmt::format("{}-{}-{}", host.data(), ::getpid(), now);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(seed.data(), seed.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return fmt::format("gracedb-client-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
}

Properties consumer_defaults(const ConsumerOptions& options, const std::string& group_id) {
  return {
      {"client.id", "gracedb-kafka-consumer"},
      {"group.id", group_id},
      {"auto.offset.reset", options.auto_offset_reset},
      // A message counts as processed when the next one is asked for, not when it is handed out.
      {"enable.auto.offset.store", "false"},
      // Fetches follow one another; each has the broker's whole answer time to itself.
      {"max.partition.fetch.bytes", "4194304"},
      {"enable.partition.eof", options.track_end ? "true" : "false"},
      // A commit under way keeps librdkafka's client from ending until it is answered, or for as long as
      // this.
      {"socket.timeout.ms", "10000"},
  };
}

void check(const ConsumerOptions& options, Faults& faults) {
  if (options.group_id && options.group_id->empty())
    faults.add("group_id is empty; leave it out for a new group");
  if (options.auto_offset_reset != "latest" && options.auto_offset_reset != "earliest") {
    faults.add(
        fmt::format("auto_offset_reset '{}' is neither latest nor earliest", options.auto_offset_reset));
  }
}

/// librdkafka would try such a commit again and again until the group has its new generation, and fail then.
[[noreturn]] void throw_between_generations() {
  constexpr auto code = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
  throw KafkaConsumerError(error_text("commit", code), code, true);
}

}  // namespace

class Consumer::Impl {
 public:
  explicit Impl(ConsumerOptions options);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  void subscribe(const std::vector<std::string>& topics);
  std::optional<Message> poll(milliseconds timeout, bool watch_signals);
  std::vector<Message> poll_batch(std::size_t most, milliseconds timeout);
  void stop() noexcept;
  /// True if the last poll() ended because it was told to.
  bool was_interrupted() const noexcept { return interrupted_; }
  /// The message being processed has not been: it is to be shown again.
  void forget_current() noexcept { being_processed_.clear(); }
  void commit();
  void commit(const std::vector<TopicPartition>& next_offsets);
  void commit_async(const std::vector<TopicPartition>& next_offsets);
  std::vector<TopicPartition> assignment() const;
  std::vector<TopicPartition> committed(milliseconds timeout);
  std::string group_metadata() const { return closed_ ? std::string() : write_group_metadata(handle()); }
  std::vector<TopicPartition> find_edges(Edge edge, milliseconds timeout);
  std::vector<TopicPartition> known_ends() const;
  bool at_end() const noexcept { return assignment_.at_end(); }
  void pause(const std::vector<TopicPartition>& partitions);
  void resume(const std::vector<TopicPartition>& partitions);
  void seek(const TopicPartition& position);
  void close(milliseconds timeout);
  /// With this strategy librdkafka before 2.3 ends the process when a member is destroyed that has never had
  /// a share (its issue 4312). Such a one has left its group, and stays in memory.
  bool must_stay() const noexcept {
    return rd_kafka_version() < 0x020300ff && is_cooperative_ && group_requests_.has_joined() &&
           !assignment_.has_had_share();
  }
  void finish_leaving() noexcept;
  std::vector<TopicInfo> list_topics(milliseconds timeout);

  const std::string& group_id() const noexcept { return group_id_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  bool is_unwinding() const noexcept { return std::uncaught_exceptions() > exceptions_at_birth_; }

 private:
  std::vector<std::string> namespaced(const std::vector<std::string>& pipelines) const;
  static void on_committed(rd_kafka_t* client, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* offsets, void* consumer) noexcept;
  rd_kafka_resp_err_t commit_and_wait(const std::vector<TopicPartition>& next_offsets);
  bool take_stop() noexcept;
  void require_open() const;
  void mark_processed();
  MessageHandle next(milliseconds timeout, bool watch_signals);
  bool is_message(const rd_kafka_message_t& raw);
  void handle_error(const rd_kafka_message_t& raw);
  void wait(milliseconds timeout, bool watch_signals) const;
  void leave_after_deadline();
  rd_kafka_t* handle() const noexcept { return client_->handle(); }

  ConsumerOptions options_;
  std::string group_id_;
  std::string instance_name_;
  bool auto_commit_ = true;
  bool stores_offsets_ = true;  ///< we, not librdkafka, say what is processed
  bool is_cooperative_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool interrupted_ = false;
  int exceptions_at_birth_ = std::uncaught_exceptions();
  Wake arrived_;
  Wake stopped_;
  GroupRequests group_requests_;
  std::atomic<bool> stop_requested_{
      false};  ///< set after stopped_, so that poll() need not ask the kernel each time
  Assignment assignment_;
  Health health_;
  std::optional<Client> client_;  // reports to the three above until it is destroyed
  QueueHandle queue_;
  std::optional<Refill> refill_;
  std::optional<GroupLeave> leave_;
  std::vector<MessageHandle> being_processed_;
  /// Those before, kept until others have come: the memory of what is fetched next then lies beside theirs,
  /// and takes its place later. Let go earlier, it would go back to the system, to be asked for anew each
  /// time.
  std::vector<MessageHandle> processed_;
  std::deque<MessageHandle> fetched_;  ///< of a batch that could not be finished
};

Consumer::Impl::Impl(ConsumerOptions options)
    : options_(std::move(options)),
      group_id_(options_.group_id.value_or(ephemeral_group_id())),
      assignment_(options_),
      health_(options_.bootstrap_servers) {
  const ClientSettings settings = ClientSettings::from(options_);
  Faults faults;
  check(options_, faults);
  instance_name_ = instance_name_of(settings, faults);
  std::vector<std::string> topics;
  for (const std::string& pipeline : options_.topics)
    topics.push_back(checked_topic(instance_name_, pipeline, faults));
  ConfHandle config = make_config(settings, consumer_defaults(options_, group_id_), faults);
  faults.raise("consumer options");

  group_id_ = property(config.get(), "group.id");
  auto_commit_ = property(config.get(), "enable.auto.commit") == "true";
  stores_offsets_ = auto_commit_ && property(config.get(), "enable.auto.offset.store") == "false";
  is_cooperative_ = property(config.get(), "partition.assignment.strategy") == "cooperative-sticky";
  group_requests_.follow(config.get());
  Refill::configure(config.get(), options_.kafka_config);
  client_.emplace(RD_KAFKA_CONSUMER, settings, std::move(config), health_, assignment_.hooks());
  if (options_.check_for_topics) client_->check_for_topics(topics, instance_name_);
  client_->redirect_to_consumer_queue();
  queue_.reset(rd_kafka_queue_get_consumer(handle()));
  refill_.emplace(handle(), queue_.get(), assignment_);
  const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_.get(), arrived_.descriptor(), &one, sizeof one);
  if (!options_.topics.empty()) subscribe(options_.topics);
}

void Consumer::Impl::require_open() const {
  if (closed_) throw KafkaConsumerError("the consumer is closed");
}

std::vector<std::string> Consumer::Impl::namespaced(const std::vector<std::string>& pipelines) const {
  Faults faults;
  std::vector<std::string> topics;
  topics.reserve(pipelines.size());
  for (const std::string& pipeline : pipelines)
    topics.push_back(checked_topic(instance_name_, pipeline, faults));
  faults.raise("subscribe");
  return topics;
}

void Consumer::Impl::subscribe(const std::vector<std::string>& pipelines) {
  require_open();
  if (pipelines.empty()) throw KafkaConsumerError("subscribe: no topic given");
  const std::vector<std::string> topics = namespaced(pipelines);
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(handle(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("subscribe", code), code);
}

void Consumer::Impl::mark_processed() {
  for (const MessageHandle& message : being_processed_) {
    if (!stores_offsets_) break;
    // Fails only where the partition has been taken away meanwhile; its new owner reads the message again.
    rd_kafka_offset_store(message->rkt, message->partition, message->offset);
  }
  if (being_processed_.empty()) return;
  processed_.swap(being_processed_);
  being_processed_.clear();
}

void Consumer::Impl::stop() noexcept {
  stopped_.set();
  stop_requested_ = true;
}

bool Consumer::Impl::take_stop() noexcept {
  if (!stop_requested_.load(std::memory_order_relaxed) || !stop_requested_.exchange(false)) return false;
  stopped_.take();
  return true;
}

std::optional<Message> Consumer::Impl::poll(milliseconds timeout, bool watch_signals) {
  require_open();
  mark_processed();
  MessageHandle raw = next(timeout, watch_signals);
  if (!raw) return std::nullopt;
  Message message = message_of(*raw);
  being_processed_.push_back(std::move(raw));
  processed_.clear();
  return message;
}

std::vector<Message> Consumer::Impl::poll_batch(std::size_t most, milliseconds timeout) {
  require_open();
  mark_processed();
  const auto deadline = steady_clock::now() + timeout;
  std::vector<MessageHandle> batch;
  try {
    while (batch.size() < most) {
      MessageHandle raw = next(timeout < milliseconds(0) ? timeout : left_until(deadline), false);
      if (!raw) break;
      batch.push_back(std::move(raw));
    }
  } catch (...) {
    std::move(batch.begin(), batch.end(), std::back_inserter(fetched_));  // for the next call
    throw;
  }
  std::vector<Message> messages;
  messages.reserve(batch.size());
  for (const MessageHandle& raw : batch)
    messages.push_back(message_of(*raw));
  being_processed_ = std::move(batch);
  if (!being_processed_.empty()) processed_.clear();
  return messages;
}

/// The next message, or none within `timeout`, or none because stop() was called.
MessageHandle Consumer::Impl::next(milliseconds timeout, bool watch_signals) {
  if (!fetched_.empty()) {
    MessageHandle raw = std::move(fetched_.front());
    fetched_.pop_front();
    return raw;
  }
  std::optional<steady_clock::time_point> deadline;
  while (true) {
    interrupted_ = take_stop() || (watch_signals && SignalWatch::received() != 0);
    if (interrupted_) return nullptr;
    MessageHandle raw(rd_kafka_consumer_poll(handle(), 0));
    assignment_.rethrow_callback_failure();
    if (raw) {
      if (is_message(*raw)) {
        refill_->took(raw->len);
        return raw;
      }
      if (options_.track_end && at_end()) return nullptr;
      continue;
    }
    client_->require_health();
    if (!deadline) deadline = steady_clock::now() + timeout;
    const auto left = left_until(*deadline);
    if (timeout >= milliseconds(0) && left == milliseconds(0)) return nullptr;
    wait(interruption::slice(timeout < milliseconds(0) ? milliseconds(1000) : left), watch_signals);
    interruption::check();
    require_open();
  }
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
  if (is_topic_error(raw.err)) throw KafkaTopicError(text, raw.err);
  switch (raw.err) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__FATAL:
      throw KafkaConsumerError(text, raw.err);
    default:
      // librdkafka goes on by itself: reconnects, rejoins the group, resets the offset.
      logger.warning("{}", text);
  }
}

void Consumer::Impl::wait(milliseconds timeout, bool watch_signals) const {
  std::array<pollfd, 3> events{{{arrived_.descriptor(), POLLIN, 0},
                                {stopped_.descriptor(), POLLIN, 0},
                                {watch_signals ? SignalWatch::descriptor() : -1, POLLIN, 0}}};
  ::poll(events.data(), events.size(), static_cast<int>(timeout.count()));
  arrived_.take();
}

void Consumer::Impl::commit() {
  require_open();
  mark_processed();
  const auto partitions = assignment();
  if (partitions.empty()) return;
  const PartitionsHandle list = to_librdkafka(partitions);
  rd_kafka_position(handle(), list.get());
  std::vector<TopicPartition> positions = from_librdkafka(*list);
  std::erase_if(positions, [](const TopicPartition& position) { return position.offset < 0; });
  if (!positions.empty()) commit(positions);
}

void Consumer::Impl::commit(const std::vector<TopicPartition>& next_offsets) {
  require_open();
  if (group_requests_.is_joining()) throw_between_generations();
  const auto code = commit_and_wait(next_offsets);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    client_->require_health();
    throw KafkaConsumerError(error_text("commit", code), code, is_connection_error(code));
  }
}

rd_kafka_resp_err_t Consumer::Impl::commit_and_wait(const std::vector<TopicPartition>& next_offsets) {
  const QueueHandle answers(rd_kafka_queue_new(handle()));
  const PartitionsHandle list = to_librdkafka(next_offsets);
  const auto code = rd_kafka_commit_queue(handle(), list.get(), answers.get(), nullptr, nullptr);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  while (true) {
    const EventHandle event(
        rd_kafka_queue_poll(answers.get(), static_cast<int>(interruption::longest_wait.count())));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_OFFSET_COMMIT)
      return rd_kafka_event_error(event.get());
    interruption::check();
  }
}

void Consumer::Impl::commit_async(const std::vector<TopicPartition>& next_offsets) {
  require_open();
  if (group_requests_.may_be_joining()) throw_between_generations();
  const PartitionsHandle list = to_librdkafka(next_offsets);
  const auto code =
      rd_kafka_commit_queue(handle(), list.get(), queue_.get(), &Consumer::Impl::on_committed, this);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("commit", code), code);
}

void Consumer::Impl::on_committed(rd_kafka_t*, rd_kafka_resp_err_t code,
                                  rd_kafka_topic_partition_list_t* offsets, void* consumer) noexcept {
  const auto& callback = static_cast<Impl*>(consumer)->options_.on_committed;
  if (!callback) return;
  try {
    callback(offsets == nullptr ? std::vector<TopicPartition>() : from_librdkafka(*offsets),
             code == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : error_text("commit", code));
  } catch (const std::exception& fault) {
    logger.error("on_committed: {}", fault.what());
  }
}

std::vector<TopicPartition> Consumer::Impl::assignment() const {
  rd_kafka_topic_partition_list_t* found = nullptr;
  if (closed_ || rd_kafka_assignment(handle(), &found) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return from_librdkafka(*PartitionsHandle(found));
}

std::vector<TopicPartition> Consumer::Impl::committed(milliseconds timeout) {
  require_open();
  const PartitionsHandle list = to_librdkafka(assignment());
  if (list->cnt == 0) return {};
  const auto code = rd_kafka_committed(handle(), list.get(), static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("committed", code), code);
  return from_librdkafka(*list);
}

std::vector<TopicPartition> Consumer::Impl::find_edges(Edge edge, milliseconds timeout) {
  require_open();
  std::vector<TopicPartition> partitions = assignment();
  if (partitions.empty()) return {};
  for (TopicPartition& partition : partitions)
    partition.offset = edge == Edge::begin ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  const PartitionsHandle list = to_librdkafka(partitions);
  const auto code = rd_kafka_offsets_for_times(handle(), list.get(), static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("find_edges", code), code);
  return from_librdkafka(*list);
}

std::vector<TopicPartition> Consumer::Impl::known_ends() const {
  std::vector<TopicPartition> ends;
  for (TopicPartition& partition : assignment()) {
    std::int64_t begin = 0;
    const auto code = rd_kafka_get_watermark_offsets(handle(), partition.topic.c_str(), partition.partition,
                                                     &begin, &partition.offset);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && partition.offset >= 0) ends.push_back(std::move(partition));
  }
  return ends;
}

void Consumer::Impl::pause(const std::vector<TopicPartition>& partitions) {
  require_open();
  rd_kafka_pause_partitions(handle(), to_librdkafka(partitions).get());
}

void Consumer::Impl::resume(const std::vector<TopicPartition>& partitions) {
  require_open();
  const PartitionsHandle list = to_librdkafka(partitions);
  // librdkafka drops what is asked of a partition, without a word, where its own thread asks for something
  // else at the same moment, as it does in a rebalance. A partition that stayed paused would never be read
  // again.
  for (int each = 0; each < 2; ++each)
    rd_kafka_resume_partitions(handle(), list.get());
}

void Consumer::Impl::seek(const TopicPartition& position) {
  require_open();
  const PartitionsHandle list = to_librdkafka({position});
  const ErrorHandle fault(rd_kafka_seek_partitions(handle(), list.get(), 5'000));
  const auto code = fault ? rd_kafka_error_code(fault.get()) : list->elems[0].err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("seek", code), code);
}

void Consumer::Impl::close(milliseconds timeout) {
  if (std::exchange(closing_, true)) return;
  mark_processed();
  processed_.clear();
  fetched_.clear();
  leave_.emplace(handle(), assignment_, group_requests_);
  try {
    const bool has_left = leave_->serve_until(steady_clock::now() + timeout);  // on_revoked may still commit
    closed_ = true;
    if (!has_left) leave_after_deadline();
  } catch (...) {  // interrupted: the rest, and to wait for librdkafka's threads, is left to the destructor
    closed_ = true;
    throw;
  }
  leave_.reset();
  queue_.reset();
  if (!must_stay()) client_->destroy();
  assignment_.rethrow_callback_failure();
}

void Consumer::Impl::leave_after_deadline() {
  logger.warning("group {}: no answer while leaving; the broker drops this member by itself later",
                 group_id_);
  leave_->finish(milliseconds(0));
}

void Consumer::Impl::finish_leaving() noexcept {
  if (leave_) leave_->finish(time_to_leave);
  leave_.reset();
}

Consumer::Impl::~Impl() { finish_leaving(); }

std::vector<TopicInfo> Consumer::Impl::list_topics(milliseconds timeout) {
  require_open();
  return client_->list_topics(timeout);
}

Consumer::Consumer(ConsumerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Consumer::~Consumer() {
  if (!impl_) return;
  try {
    // An exception on its way out of the caller's loop means that the last message was not processed.
    if (impl_->is_unwinding()) impl_->forget_current();
    impl_->close(destructor_timeout);
  } catch (const std::exception& fault) {
    logger.error("while closing a consumer: {}", fault.what());
  } catch (...) {
    logger.error("while closing a consumer: a callback threw something that is no std::exception");
  }
  if (!impl_->must_stay()) return;
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

void Consumer::stop() noexcept { impl_->stop(); }

void Consumer::forget_current() noexcept { impl_->forget_current(); }

void Consumer::commit() { impl_->commit(); }

void Consumer::commit(const Message& message) {
  impl_->commit({TopicPartition{message.topic, message.partition, message.offset + 1}});
}

void Consumer::commit(const std::vector<TopicPartition>& next_offsets) { impl_->commit(next_offsets); }

void Consumer::commit_async(const std::vector<TopicPartition>& next_offsets) {
  impl_->commit_async(next_offsets);
}

std::vector<TopicPartition> Consumer::assignment() const { return impl_->assignment(); }

std::vector<TopicPartition> Consumer::committed(milliseconds timeout) { return impl_->committed(timeout); }

std::string Consumer::group_metadata() const { return impl_->group_metadata(); }

std::vector<TopicPartition> Consumer::find_edges(Edge edge, milliseconds timeout) {
  return impl_->find_edges(edge, timeout);
}

std::vector<TopicPartition> Consumer::known_ends() const { return impl_->known_ends(); }

bool Consumer::at_end() const { return impl_->at_end(); }

void Consumer::pause(const std::vector<TopicPartition>& partitions) { impl_->pause(partitions); }

void Consumer::resume(const std::vector<TopicPartition>& partitions) { impl_->resume(partitions); }

void Consumer::seek(const TopicPartition& position) { impl_->seek(position); }

void Consumer::close(milliseconds timeout) { impl_->close(timeout); }

std::vector<TopicInfo> Consumer::list_topics(milliseconds timeout) { return impl_->list_topics(timeout); }

const std::string& Consumer::group_id() const noexcept { return impl_->group_id(); }

const std::string& Consumer::instance_name() const noexcept { return impl_->instance_name(); }

struct MessageStream::SignalGuard {
  SignalWatch watch;
};

MessageStream::MessageStream(Consumer& consumer, milliseconds timeout, std::optional<std::size_t> count)
    : consumer_(consumer), timeout_(timeout), left_(count), signals_(std::make_unique<SignalGuard>()) {}

MessageStream::~MessageStream() = default;

MessageStream::Iterator MessageStream::begin() {
  advance();
  return Iterator(this);
}

void MessageStream::advance() {
  current_.reset();
  if (left_ && *left_ == 0) return;
  if (left_) --*left_;
  Consumer::Impl& source = *consumer_.impl_;
  while (!source.at_end()) {
    current_ = source.poll(timeout_, true);
    if (current_ || source.was_interrupted()) return;
  }
}

int MessageStream::ended_by_signal() const noexcept { return SignalWatch::received(); }

}  // namespace gracedb::kafka
