#include "supervisor/dead_letter_office.hpp"

#include "core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::milliseconds;

constexpr milliseconds between_tries{2'000};
constexpr milliseconds between_same_complaints{30'000};
/// An answer that takes longer is no answer for the moment.
constexpr milliseconds patience{2'000};

}  // namespace

DeadLetterOffice::DeadLetterOffice(Spool spool, std::unique_ptr<DeadLetterTopic> topic, Health& health,
                                   std::function<void()> wake)
    : spool_(std::move(spool)),
      topic_(std::move(topic)),
      health_(health),
      wake_(std::move(wake)),
      complaints_(between_same_complaints),
      thread_([this] { run(); }) {}

DeadLetterOffice::~DeadLetterOffice() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void DeadLetterOffice::submit(Rejected rejected) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(rejected));
  }
  changed_.notify_all();
}

void DeadLetterOffice::abandon(const std::vector<Window::Id>& ids, const Partition& partition) {
  {
    const std::lock_guard lock(mutex_);
    const std::set<Window::Id> given_up(ids.begin(), ids.end());
    const auto is_given_up = [&](const Rejected& each) { return given_up.contains(each.id); };
    std::erase_if(inbox_, is_given_up);
    std::erase_if(done_, is_given_up);
    if (under_way_ && given_up.contains(*under_way_)) abandoned_.insert(*under_way_);
    to_forget_.push_back(partition);
  }
  changed_.notify_all();
}

std::vector<Rejected> DeadLetterOffice::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void DeadLetterOffice::run() {
  look_at_topic();
  while (auto rejected = next()) {
    const bool placed = place(*rejected);
    {
      const std::lock_guard lock(mutex_);
      under_way_.reset();
      const bool wanted = abandoned_.erase(rejected->id) == 0;
      if (placed && wanted) done_.push_back(*std::move(rejected));
    }
    go_on();
    wake_();
  }
}

// A slip in its name should not wait for the first dead letter to be noticed.
void DeadLetterOffice::look_at_topic() {
  if (!topic_) return;
  try {
    if (const std::string fault = topic_->fault(); !fault.empty()) {
      logger.warning("dead letters will go to {}: {}", spool_.directory().native(), fault);
    }
  } catch (const std::exception& fault) {
    logger.debug("looking for topic {}: {}", topic_->name(), fault.what());  // the consumer tells as well
  }
}

std::optional<Rejected> DeadLetterOffice::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
  if (stopping_) return std::nullopt;
  Rejected rejected = std::move(inbox_.front());
  inbox_.pop_front();
  under_way_ = rejected.id;
  const std::vector<Partition> to_forget = std::exchange(to_forget_, {});
  lock.unlock();
  for (const Partition& partition : to_forget) {
    if (topic_) topic_->forget(partition);
  }
  return rejected;
}

bool DeadLetterOffice::place(const Rejected& rejected) {
  while (is_wanted(rejected.id)) {
    try {
      if (try_to_place(rejected)) return true;
      continue;  // given up, or to be tried anew at once
    } catch (const std::exception& fault) {
      be_stuck(rejected, fault.what());
    }
    wait_before_next_try(rejected.id);
  }
  return false;
}

bool DeadLetterOffice::try_to_place(const Rejected& rejected) {
  // It may lie in the spool from a time when the topic did not take it.
  if (!topic_ || spool_.holds(*rejected.message)) {
    spool_.set_aside(*rejected.message, rejected.rejection);
    return true;
  }
  const auto begin = Clock::now();
  try {
    return topic_->set_aside(*rejected.message, rejected.rejection, [&](const std::string& reason) {
      if (Clock::now() - begin >= patience) be_stuck(rejected, reason);
      return is_wanted(rejected.id);
    });
  } catch (const NotTaken& refusal) {
    fall_back(rejected, refusal.what());
    return true;
  }
}

void DeadLetterOffice::fall_back(const Rejected& rejected, const std::string& reason) {
  spool_.set_aside(*rejected.message, rejected.rejection);
  if (complaints_.is_due(reason, Clock::now())) {
    logger.warning("{} goes to {}, not to topic {}: {}", name_of(Place::of(*rejected.message)),
                   spool_.directory().native(), topic_->name(), reason);
  }
}

bool DeadLetterOffice::is_wanted(Window::Id id) {
  const std::lock_guard lock(mutex_);
  return !stopping_ && !abandoned_.contains(id);
}

void DeadLetterOffice::wait_before_next_try(Window::Id id) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, between_tries, [&] { return stopping_ || abandoned_.contains(id); });
}

void DeadLetterOffice::be_stuck(const Rejected& rejected, const std::string& reason) {
  const std::string fault = fmt::format("{} cannot be set aside, and no message is taken until it can: {}",
                                        name_of(Place::of(*rejected.message)), reason);
  if (complaints_.is_due(fault, Clock::now())) logger.error("{}", fault);
  health_.set(Check::set_aside, false, fault);
  if (!stuck_.exchange(true)) wake_();
}

void DeadLetterOffice::go_on() {
  if (stuck_.exchange(false)) health_.set(Check::set_aside, true, "nothing waits to be set aside");
}

}  // namespace gracedb::supervisor
