#include "rest/submitter.hpp"

#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

// So many reservations at a time, over as many connections where the server does not speak HTTP/2.
constexpr std::size_t most_connections = 8;
constexpr std::size_t most_helpers = 8;
constexpr std::chrono::milliseconds look_again{1'000};

bool is_success(const Exchange& exchange) {
  return !exchange.failure && exchange.response.status >= 200 && exchange.response.status < 300;
}

}  // namespace

Submitter::Submitter(Session& session, SubmitterLimits limits)
    : session_(session),
      limits_(limits),
      engine_(session.connection(), most_connections),
      reserver_([this] { reserve_all(); }),
      deliverer_([this] { deliver_all(); }),
      helpers_(most_helpers) {}

Submitter::~Submitter() {
  stopping_ = true;
  engine_.wake();
  reserver_.join();
  deliverer_.join();
}

std::future<CreatedEvent> Submitter::submit(std::unique_ptr<Submission> submission) {
  auto job = std::make_unique<Job>();
  job->submission = std::move(submission);
  auto future = job->promise.get_future();
  enter(job->submission->file_size());
  if (!job->submission->goes_by_kafka()) {
    help(std::move(job), [](Submission& event) { event.take_all_steps(); });
    return future;
  }
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = inbox_.empty();
    inbox_.push_back(std::move(job));
  }
  if (is_first) engine_.wake();  // it takes the others with it
  return future;
}

// An event larger than the limit goes alone.
void Submitter::enter(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  room_.wait(lock,
             [&] { return events_ == 0 || (events_ < limits_.events && bytes_ + bytes <= limits_.bytes); });
  ++events_;
  bytes_ += bytes;
}

void Submitter::leave(const JobPtr& job) noexcept {
  const std::lock_guard lock(mutex_);
  --events_;
  bytes_ -= job->submission->file_size();
  room_.notify_all();
}

void Submitter::settle(JobPtr job) noexcept {
  leave(job);
  job->promise.set_value(job->submission->take());
}

void Submitter::fail(JobPtr job, const std::exception_ptr& failure) noexcept {
  leave(job);
  job->promise.set_exception(failure);
}

void Submitter::help(JobPtr job, std::function<void(Submission&)> work) {
  helpers_.run([this, work = std::move(work), shared = std::make_shared<JobPtr>(std::move(job))] {
    try {
      work(*(*shared)->submission);
      settle(std::move(*shared));
    } catch (...) {
      fail(std::move(*shared), std::current_exception());
    }
  });
}

void Submitter::reserve_all() noexcept {
  while (!stopping_) {
    try {
      reserve_some();
    } catch (...) {
      give_up_reserving(std::current_exception());
    }
  }
  give_up_reserving(std::make_exception_ptr(
      KafkaError("the client was closed before the event was reserved; nothing of it was sent")));
  const std::lock_guard lock(mutex_);
  reserving_has_ended_ = true;
  delivering_.notify_all();
}

void Submitter::reserve_some() {
  for (JobPtr& job : take_inbox()) {
    if (job->submission->needs_reservation()) {
      waiting_.push_back(std::move(job));
    } else {
      deliver(std::move(job));
    }
  }
  while (!waiting_.empty() && engine_.has_room()) {
    JobPtr job = std::move(waiting_.front());
    waiting_.pop_front();
    start(std::move(job));
  }
  for (HttpEngine::Finished& finished : engine_.run(look_again))
    finish(std::move(finished));
}

void Submitter::give_up_reserving(const std::exception_ptr& reason) noexcept {
  for (auto& [id, job] : std::exchange(reserving_, {})) {
    engine_.cancel(id);
    fail(std::move(job), reason);
  }
  for (JobPtr& job : std::exchange(waiting_, {}))
    fail(std::move(job), reason);
  for (JobPtr& job : take_inbox())
    fail(std::move(job), reason);
}

std::deque<Submitter::JobPtr> Submitter::take_inbox() noexcept {
  const std::lock_guard lock(mutex_);
  return std::exchange(inbox_, {});
}

void Submitter::start(JobPtr job) {
  const auto id = ++last_id_;
  try {
    job->reservation = job->submission->reservation();
    engine_.start(id, job->reservation,
                  session_.credentials().authorization(parse_url(job->reservation.url)));
  } catch (...) {
    return fail(std::move(job), std::current_exception());
  }
  reserving_.emplace(id, std::move(job));
}

void Submitter::finish(HttpEngine::Finished finished) {
  JobPtr job = std::move(reserving_.extract(finished.id).mapped());
  bool is_reserved = is_success(finished.exchange);
  try {
    if (is_reserved) job->submission->reserved(job->reservation, std::move(finished.exchange.response));
  } catch (const HttpError&) {
    is_reserved = false;
  }
  if (!is_reserved) return help(std::move(job), [](Submission& event) { event.take_all_steps(); });
  deliver(std::move(job));
}

void Submitter::deliver(JobPtr job) {
  try {
    job->submission->begin_delivery();
  } catch (...) {
    return recover(std::move(job), std::current_exception());
  }
  const std::lock_guard lock(mutex_);
  on_the_way_.push_back(std::move(job));
  delivering_.notify_one();
}

void Submitter::deliver_all() noexcept {
  while (JobPtr job = next_on_the_way())
    finish_delivery(std::move(job));
}

/// Null at the end.
Submitter::JobPtr Submitter::next_on_the_way() {
  std::unique_lock lock(mutex_);
  delivering_.wait(lock, [this] { return !on_the_way_.empty() || reserving_has_ended_; });
  if (on_the_way_.empty()) return nullptr;
  JobPtr job = std::move(on_the_way_.front());
  on_the_way_.pop_front();
  return job;
}

void Submitter::finish_delivery(JobPtr job) {
  try {
    job->submission->finish_delivery();
  } catch (...) {
    return recover(std::move(job), std::current_exception());
  }
  settle(std::move(job));
}

void Submitter::recover(JobPtr job, const std::exception_ptr& failure) {
  help(std::move(job), [failure](Submission& event) { event.recover(failure); });
}

}  // namespace gracedb::rest
