#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/mutex.hpp"
#include "core/thread_pool.hpp"
#include "rest/api_root.hpp"
#include "rest/http.hpp"
#include "rest/session.hpp"

#include <atomic>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <unordered_map>

namespace gracedb::rest {

class EventSubmission;

/// The limits of Submitter, beyond which submit() blocks.
struct SubmitterLimits {
  std::size_t events = 1000;
  /// Total size of the event files.
  std::size_t bytes = std::size_t{64} << 20U;
};

/// Submits many events concurrently. One thread reserves several graceids at a time and passes each event to
/// the producer as soon as it has one; another thread waits for the broker's acknowledgements in that order.
/// Everything off that path (a rejected reservation, a lost connection, a fallback) runs in a thread pool,
/// one event at a time as in create_event().
class Submitter {
 public:
  explicit Submitter(Session& session, SubmitterLimits limits = {});
  /// Fails the events that are not reserved yet; waits for the pool, and for the acknowledgements of the
  /// others, at most for the flush timeout.
  ~Submitter();
  Submitter(const Submitter&) = delete;
  Submitter& operator=(const Submitter&) = delete;

  /// Blocks while a limit is reached.
  /// @throws what the thread's Interruptible throws
  std::future<CreatedEvent> submit(std::unique_ptr<EventSubmission> event) EXCLUDES(mutex_);

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;

  void enter(std::size_t bytes) EXCLUDES(mutex_);
  void leave(const Job& job) noexcept EXCLUDES(mutex_);
  void succeed(JobPtr job) noexcept EXCLUDES(mutex_);
  void fail(JobPtr job, const std::exception_ptr& error) noexcept EXCLUDES(mutex_);
  void run_in_pool(JobPtr job, std::function<void(EventSubmission&)> work);
  void recover(JobPtr job, const std::exception_ptr& error);

  // On the reservation thread:
  void run_reservations() noexcept EXCLUDES(mutex_);
  void reserve_some() EXCLUDES(mutex_);
  void fail_reservations(const std::exception_ptr& error) noexcept EXCLUDES(mutex_);
  std::deque<JobPtr> take_inbox() noexcept EXCLUDES(mutex_);
  void start_reservation(JobPtr job);
  void finish_reservation(HttpEngine::Finished finished);
  void start_delivery(JobPtr job) EXCLUDES(mutex_);

  // On the delivery thread:
  void run_deliveries() noexcept EXCLUDES(mutex_);
  JobPtr next_in_flight() EXCLUDES(mutex_);
  void finish_delivery(JobPtr job);

  Session& session_;
  const SubmitterLimits limits_;
  HttpEngine engine_;
  std::atomic<bool> stopping_{false};

  // The only lock of this file; not held during a request, a delivery or a wait for the pool.
  Mutex mutex_;
  // events_ or bytes_ has decreased.
  CondVar room_;
  // in_flight_ or reservations_ended_ has changed.
  CondVar delivering_;
  std::size_t events_ GUARDED_BY(mutex_) = 0;
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::deque<JobPtr> inbox_ GUARDED_BY(mutex_);
  std::deque<JobPtr> in_flight_ GUARDED_BY(mutex_);
  bool reservations_ended_ GUARDED_BY(mutex_) = false;

  // Used by the reservation thread only:
  HttpEngine::Id last_id_ = 0;
  std::deque<JobPtr> waiting_;  // until engine_ has room
  std::unordered_map<HttpEngine::Id, JobPtr> reserving_;

  std::thread reservation_thread_;
  std::thread delivery_thread_;
  ThreadPool pool_;  // last: its work uses the members above
};

}  // namespace gracedb::rest
