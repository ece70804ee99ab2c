#include "supervisor/dead_letter_writer.hpp"

#include "core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds retry_interval{2'000};
constexpr milliseconds repeated_log_interval{30'000};

}  // namespace

DeadLetterWriter::DeadLetterWriter(Spool spool, std::unique_ptr<DeadLetterTopic> topic, Health& health,
                                   std::function<void()> wake)
    : spool_(std::move(spool)),
      topic_(std::move(topic)),
      health_(health),
      wake_(std::move(wake)),
      complaints_(repeated_log_interval),
      thread_([this] { run(); }) {}

DeadLetterWriter::~DeadLetterWriter() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void DeadLetterWriter::submit(std::vector<DeadLetterOrder> orders) {
  if (orders.empty()) return;
  {
    const MutexLock lock(mutex_);
    std::move(orders.begin(), orders.end(), std::back_inserter(queue_));
  }
  changed_.notify_all();
}

void DeadLetterWriter::abandon(const std::vector<MessageId>& ids) {
  {
    const MutexLock lock(mutex_);
    const std::set<MessageId> abandoned(ids.begin(), ids.end());
    std::erase_if(queue_, [&](const DeadLetterOrder& order) { return abandoned.contains(order.id); });
    std::erase_if(written_, [&](MessageId id) { return abandoned.contains(id); });
    if (abandoned.contains(in_progress_)) in_progress_abandoned_ = true;
  }
  changed_.notify_all();
}

std::vector<MessageId> DeadLetterWriter::take_written() {
  const MutexLock lock(mutex_);
  return std::exchange(written_, {});
}

void DeadLetterWriter::run() {
  check_topic();
  DeadLetterOrder order;
  while (next(order)) {
    const bool is_durable = write(order);
    {
      const MutexLock lock(mutex_);
      if (is_durable && !in_progress_abandoned_) written_.push_back(order.id);
      in_progress_ = 0;
    }
    unblock();
    wake_();
  }
}

// A misspelled topic is reported at startup, not with the first dead letter.
void DeadLetterWriter::check_topic() {
  if (!topic_) return;
  try {
    if (const std::string fault = topic_->fault(); !fault.empty())
      logger.warning("dead letters will go to {}: {}", spool_.directory().native(), fault);
  } catch (const std::exception& fault) {
    logger.debug("cannot check topic {}: {}", topic_->name(), fault.what());  // the consumer reports it, too
  }
}

/// False: stopping.
bool DeadLetterWriter::next(DeadLetterOrder& order) {
  MutexLock lock(mutex_);
  while (!stopping_ && queue_.empty())
    changed_.wait(mutex_);
  if (stopping_) return false;
  order = std::move(queue_.front());
  queue_.pop_front();
  in_progress_ = order.id;
  in_progress_abandoned_ = false;
  return true;
}

/// False: given up, because the supervisor stops or the message was abandoned.
bool DeadLetterWriter::write(const DeadLetterOrder& order) {
  while (is_wanted()) {
    try {
      write_once(order);
      return true;
    } catch (const std::exception& fault) {
      block(order, fault.what());
    }
    wait_before_retry();
  }
  return false;
}

void DeadLetterWriter::write_once(const DeadLetterOrder& order) {
  // The spool may hold it from a time when the topic refused it.
  if (!topic_ || spool_.holds(*order.message)) return spool_.set_aside(*order.message, order.rejection);
  try {
    topic_->write(*order.message, order.rejection);
  } catch (const DeadLetterRefused& refusal) {
    spool_.set_aside(*order.message, order.rejection);
    if (complaints_.is_due(refusal.what(), steady_clock::now())) {
      logger.warning("{} goes to {}, not to topic {}: {}", name_of(Place::of(*order.message)),
                     spool_.directory().native(), topic_->name(), refusal.what());
    }
  }
}

bool DeadLetterWriter::is_wanted() {
  const MutexLock lock(mutex_);
  return !stopping_ && !in_progress_abandoned_;
}

void DeadLetterWriter::wait_before_retry() {
  const auto deadline = steady_clock::now() + retry_interval;
  MutexLock lock(mutex_);
  while (!stopping_ && !in_progress_abandoned_) {
    if (!changed_.wait_until(mutex_, deadline)) return;
  }
}

void DeadLetterWriter::block(const DeadLetterOrder& order, const std::string& reason) {
  const std::string fault =
      fmt::format("cannot write the dead letter of {}; no message is taken until it is written: {}",
                  name_of(Place::of(*order.message)), reason);
  const bool is_new = !blocked_.exchange(true);  // before the log line says so
  if (complaints_.is_due(fault, steady_clock::now())) logger.error("{}", fault);
  health_.set(Check::dead_letters, false, fault);
  if (is_new) wake_();
}

void DeadLetterWriter::unblock() {
  if (blocked_.exchange(false)) health_.set(Check::dead_letters, true, "no dead letters pending");
}

}  // namespace gracedb::supervisor
