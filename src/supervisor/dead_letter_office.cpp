#include "supervisor/dead_letter_office.hpp"

#include "core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::milliseconds;

constexpr milliseconds between_tries{2'000};
constexpr milliseconds between_same_complaints{30'000};
/// An answer that takes longer is no answer for the moment.
constexpr milliseconds patience{2'000};
/// What goes into one transaction.
constexpr std::size_t most_together = 100;
constexpr std::size_t most_bytes_together = std::size_t{8} << 20U;

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

void DeadLetterOffice::submit(std::vector<Rejected> rejected) {
  {
    const std::lock_guard lock(mutex_);
    std::move(rejected.begin(), rejected.end(), std::back_inserter(inbox_));
  }
  changed_.notify_all();
}

void DeadLetterOffice::abandon(const std::vector<Window::Id>& ids) {
  {
    const std::lock_guard lock(mutex_);
    const std::set<Window::Id> given_up(ids.begin(), ids.end());
    const auto is_given_up = [&](const Rejected& each) { return given_up.contains(each.id); };
    std::erase_if(inbox_, is_given_up);
    std::erase_if(done_, is_given_up);
    std::erase_if(returned_, is_given_up);
    for (const Rejected& each : under_way_) {
      if (is_given_up(each)) abandoned_.insert(each.id);
    }
  }
  changed_.notify_all();
}

std::vector<Rejected> DeadLetterOffice::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

std::vector<Rejected> DeadLetterOffice::take_returned() {
  const std::lock_guard lock(mutex_);
  return std::exchange(returned_, {});
}

void DeadLetterOffice::run() {
  look_at_topic();
  while (next()) {
    finish(place());
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

/// False: stopping.
bool DeadLetterOffice::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
  if (stopping_) return false;
  const std::size_t most = singly_ > 0 || !topic_ ? 1 : most_together;
  if (singly_ > 0) --singly_;
  std::size_t bytes = 0;
  while (!inbox_.empty() && under_way_.size() < most) {
    bytes += inbox_.front().message->value.size();
    if (!under_way_.empty() && bytes > most_bytes_together) break;
    // What they were in the group then must hold for all.
    if (!under_way_.empty() && inbox_.front().group_metadata != under_way_.front().group_metadata) break;
    under_way_.push_back(std::move(inbox_.front()));
    inbox_.pop_front();
  }
  return true;
}

Placed DeadLetterOffice::place() {
  while (keep_wanted()) {
    try {
      const Placed placed = try_to_place();
      if (placed != Placed::given_up) return placed;
      continue;  // what is still wanted is tried anew at once
    } catch (const std::exception& fault) {
      be_stuck(fault.what());
    }
    wait_before_next_try();
  }
  return Placed::given_up;
}

Placed DeadLetterOffice::try_to_place() {
  const bool is_in_spool = std::any_of(under_way_.begin(), under_way_.end(), [this](const Rejected& each) {
    return spool_.holds(*each.message);  // from a time when the topic did not take it
  });
  if (!topic_ || is_in_spool) return place_in_spool({});
  const auto begin = Clock::now();
  try {
    return topic_->set_aside(under_way_, [&](const std::string& reason) {
      if (Clock::now() - begin >= patience) be_stuck(reason);
      return is_wanted();
    });
  } catch (const NotTaken& refusal) {
    return place_in_spool(refusal.what());
  }
}

// Only what the topic does not take goes there: of several, each is tried for itself.
Placed DeadLetterOffice::place_in_spool(const std::string& reason) {
  if (under_way_.size() > 1) return place_singly();
  const Rejected& rejected = under_way_.front();
  spool_.set_aside(*rejected.message, rejected.rejection);
  if (!reason.empty() && complaints_.is_due(reason, Clock::now())) {
    logger.warning("{} goes to {}, not to topic {}: {}", name_of(Place::of(*rejected.message)),
                   spool_.directory().native(), topic_->name(), reason);
  }
  return Placed::yes;
}

Placed DeadLetterOffice::place_singly() {
  const std::lock_guard lock(mutex_);
  singly_ = under_way_.size();
  inbox_.insert(inbox_.begin(), std::make_move_iterator(under_way_.begin()),
                std::make_move_iterator(under_way_.end()));
  under_way_.clear();
  std::erase_if(inbox_, [this](const Rejected& each) { return abandoned_.contains(each.id); });
  return Placed::given_up;
}

void DeadLetterOffice::finish(Placed placed) {
  const std::lock_guard lock(mutex_);
  if (placed == Placed::not_member) {
    // What is behind them on their partitions must not overtake them, and would fare no better.
    const std::string stale = under_way_.front().group_metadata;
    const auto is_of_it = [&](const Rejected& each) { return each.group_metadata == stale; };
    std::copy_if(inbox_.begin(), inbox_.end(), std::back_inserter(under_way_), is_of_it);
    std::erase_if(inbox_, is_of_it);
  }
  std::erase_if(under_way_, [this](const Rejected& each) { return abandoned_.contains(each.id); });
  abandoned_.clear();
  const std::vector<Rejected> handled = std::exchange(under_way_, {});
  if (placed == Placed::given_up) return;
  std::vector<Rejected>& to = placed == Placed::yes ? done_ : returned_;
  to.insert(to.end(), handled.begin(), handled.end());
}

/// False: nothing of what is under way is wanted any more.
bool DeadLetterOffice::keep_wanted() {
  const std::lock_guard lock(mutex_);
  std::erase_if(under_way_, [this](const Rejected& each) { return abandoned_.contains(each.id); });
  abandoned_.clear();
  return !stopping_ && !under_way_.empty();
}

/// False: something of what is under way is not wanted any more.
bool DeadLetterOffice::is_wanted() {
  const std::lock_guard lock(mutex_);
  return !stopping_ && abandoned_.empty();
}

void DeadLetterOffice::wait_before_next_try() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, between_tries, [this] { return stopping_ || !abandoned_.empty(); });
}

void DeadLetterOffice::be_stuck(const std::string& reason) {
  const std::string fault = fmt::format("{} cannot be set aside, and no message is taken until it can: {}",
                                        name_of(Place::of(*under_way_.front().message)), reason);
  const bool is_new = !stuck_.exchange(true);  // what is said below holds by then
  if (complaints_.is_due(fault, Clock::now())) logger.error("{}", fault);
  health_.set(Check::set_aside, false, fault);
  if (is_new) wake_();
}

void DeadLetterOffice::go_on() {
  if (stuck_.exchange(false)) health_.set(Check::set_aside, true, "nothing waits to be set aside");
}

}  // namespace gracedb::supervisor
