#pragma once

#include "core/mutex.hpp"
#include "supervisor/complaints.hpp"
#include "supervisor/dead_letter_topic.hpp"
#include "supervisor/health.hpp"
#include "supervisor/in_flight.hpp"
#include "supervisor/spool.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gracedb::supervisor {

/// A message to write as a dead letter.
struct DeadLetterOrder {
  MessageId id = 0;
  std::shared_ptr<const kafka::Message> message;
  Rejection rejection;
};

/// Writes dead letters on its own thread, in order: to the dead-letter topic, or to the spool directory if
/// there is no topic or the topic refuses the message. Retries each until it is durable. A retry, or a
/// restart before the offset is committed, may write a dead letter twice; its readers deduplicate by origin.
class DeadLetterWriter {
 public:
  /// @param topic   may be null
  /// @param health  receives Check::set_aside
  /// @param wake    called on the writer's thread when take_written() or is_blocked() changes
  DeadLetterWriter(Spool spool, std::unique_ptr<DeadLetterTopic> topic, Health& health,
                   std::function<void()> wake);
  /// Drops what is not written; waits for a delivery in progress, at most DeadLetterTopic::delivery_timeout.
  ~DeadLetterWriter();
  DeadLetterWriter(const DeadLetterWriter&) = delete;
  DeadLetterWriter& operator=(const DeadLetterWriter&) = delete;

  void submit(std::vector<DeadLetterOrder> orders) EXCLUDES(mutex_);
  /// The partition was revoked. A dead letter in progress may still be written.
  void abandon(const std::vector<MessageId>& ids) EXCLUDES(mutex_);
  /// The messages whose dead letters became durable since the last call.
  std::vector<MessageId> take_written() EXCLUDES(mutex_);
  /// True while dead letters cannot be written; the supervisor takes no message then.
  bool is_blocked() const noexcept { return blocked_; }

 private:
  // On the writer's thread.
  void run();
  void check_topic();
  bool next(DeadLetterOrder& order) EXCLUDES(mutex_);
  bool write(const DeadLetterOrder& order) EXCLUDES(mutex_);
  void write_once(const DeadLetterOrder& order);
  bool is_wanted() EXCLUDES(mutex_);
  void wait_before_retry() EXCLUDES(mutex_);
  void block(const DeadLetterOrder& order, const std::string& reason);
  void unblock();

  const Spool spool_;
  const std::unique_ptr<DeadLetterTopic> topic_;
  Health& health_;
  const std::function<void()> wake_;
  Complaints complaints_;
  std::atomic<bool> blocked_{false};

  Mutex mutex_;
  CondVar changed_;
  std::deque<DeadLetterOrder> queue_ GUARDED_BY(mutex_);
  MessageId in_progress_ GUARDED_BY(mutex_) = 0;
  bool in_progress_abandoned_ GUARDED_BY(mutex_) = false;
  std::vector<MessageId> written_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace gracedb::supervisor
