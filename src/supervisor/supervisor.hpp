#pragma once

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/logging.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "kafka/group_consumer.hpp"
#include "supervisor/complaints.hpp"
#include "supervisor/dead_letter_topic.hpp"
#include "supervisor/dead_letter_writer.hpp"
#include "supervisor/decision.hpp"
#include "supervisor/event_record.hpp"
#include "supervisor/in_flight.hpp"
#include "supervisor/lag.hpp"
#include "supervisor/monitor.hpp"
#include "supervisor/result_queue.hpp"
#include "supervisor/subscription.hpp"
#include "supervisor/uploader.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The supervisor completes reserved events in GraceDB from the messages of one instance's topics:
/// poll → decode → decide → upload, or write a dead letter → settle → commit.
///
/// Threads: the loop in run(), the uploader and the dead-letter writer; each of the latter two is joined by
/// its owner. All state of the supervisor belongs to the loop. Lock order: ResultQueue, DeadLetterWriter,
/// HttpUploader and Monitor each have one mutex, release it before they call back, and never hold two.
namespace gracedb::supervisor {

struct SupervisorOptions {
  /// How to reach the broker, and the group; topics, callbacks and auto-commit are the supervisor's own.
  kafka::ConsumerOptions consumer;
  std::vector<std::string> pipelines = {};  ///< none: every topic of the instance, also later ones
  Rules rules = {};
  std::filesystem::path spool_directory = {};
  /// Where dead letters go; the spool directory gets those that the topic refuses, or all without a topic.
  std::optional<DeadLetterTopicOptions> dead_letter_topic = {};
  std::size_t max_in_flight = 64;                             ///< uploads at a time
  std::size_t max_in_flight_bytes = std::size_t{256} << 20U;  ///< memory they take
  std::chrono::milliseconds drain_timeout{30'000};            ///< for what is under way, after stop()
  std::chrono::milliseconds revocation_timeout{
      3'000};  ///< the same for partitions that go to another process

  std::chrono::milliseconds longest_wait{1'000};  ///< the loop turns at least that often

  std::shared_ptr<Monitor> monitor = std::make_shared<Monitor>();  ///< told what goes on
  std::function<void()> on_turn = {};                              ///< the loop has turned
  std::function<void()> on_ready = {};  ///< has its share of the partitions, which may be none
  std::function<void(const EventRecord&)> on_settled = {};  ///< default: one log line
};

/// Checks the settings of the consumer without connecting.
/// @throws std::invalid_argument  unknown or contradictory ones; the message lists them all
void check(const SupervisorOptions& options);

/// Reads messages on the thread in run(), hands them to an Uploader, and commits a message only when it and
/// all before it on its partition are settled. Where the uploads are too many, or too slow, the partitions
/// are paused while polling goes on, so that this process keeps its place in the group.
class Supervisor {
 public:
  using MakeUploader = std::function<std::unique_ptr<Uploader>(ResultQueue&)>;

  /// @throws std::invalid_argument, KafkaTokenError  as Consumer
  /// @throws SpoolError  the spool directory cannot be used
  Supervisor(SupervisorOptions options, const MakeUploader& make_uploader);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Returns after stop(), when what was under way is settled and committed, or the drain timeout is over.
  /// @throws KafkaError  the consumer cannot work again
  void run();

  /// From any thread.
  void stop() noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  kafka::ConsumerOptions consumer_options();

  void wake() noexcept;
  void begin_drain();

  // poll
  bool is_drained() const;
  bool may_take();
  void take_one();
  void hold_back();
  std::optional<kafka::Message> poll(Milliseconds timeout);
  Milliseconds time_to_next_duty() const;
  void pause();
  void resume();
  void follow_topics();
  void complain(LogLevel level, const std::string& fault);
  void report();

  // decide, upload
  void handle(InFlightMessage& message);
  void upload(const InFlightMessage& message, Upload order);

  // settle
  void settle_results();
  void settle(const UploadResult& result);
  void settle(MessageId id, const EventRecord& record);
  void write_dead_letters();

  // commit
  void commit_progress();
  void on_committed(const std::string& failure);
  void finish_commits();
  void commit_last(const std::vector<kafka::TopicPartition>& positions);

  // partitions come and go
  void on_assigned(const std::vector<kafka::TopicPartition>& partitions);
  void on_revoked(const std::vector<kafka::TopicPartition>& partitions);
  void report_partitions();
  void wait_for_uploads_of(const std::vector<Partition>& partitions);
  void abandon(const Partition& partition);
  void leave();

  SupervisorOptions options_;
  InFlight in_flight_;
  Subscription subscription_;
  LagWatch lag_;

  std::atomic<bool> stopping_{false};
  std::optional<Clock::time_point> drain_deadline_;
  bool ready_ = false;
  bool paused_ = false;
  bool broker_refuses_ = false;
  Clock::time_point next_commit_;
  std::vector<kafka::TopicPartition> committing_;  ///< what the commit under way says; empty: there is none
  Complaints complaints_;

  std::optional<kafka::GroupConsumer> consumer_;  // calls back into everything above
  ResultQueue results_;
  std::unique_ptr<DeadLetterWriter> dead_letters_;  // its thread calls back into the two above
  std::unique_ptr<Uploader> uploader_;              // last: its thread fills the queue until it is destroyed
};

}  // namespace gracedb::supervisor
