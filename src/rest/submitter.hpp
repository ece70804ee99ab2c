#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/thread_pool.hpp"
#include "rest/http_engine.hpp"
#include "rest/session.hpp"
#include "rest/submission.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace gracedb::rest {

/// How much Submitter takes before it lets its callers wait.
struct SubmitterLimits {
  std::size_t events = 1000;
  std::size_t bytes = std::size_t{64} << 20U;  ///< of files
};

/// Many events under way at once. One thread has them reserved, several at a time, and hands each to the
/// producer as soon as its graceid is there; another waits for the broker's answers in that order. Whatever
/// does not go smoothly (a refusal, a lost connection, a fallback) is done by helpers, one event after the
/// other as create_event() does.
class Submitter {
 public:
  explicit Submitter(Session& session, SubmitterLimits limits = {});
  /// Gives up what is not reserved yet, and waits for what is on its way to the broker (at most for the flush
  /// timeout) and for the helpers.
  ~Submitter();
  Submitter(const Submitter&) = delete;
  Submitter& operator=(const Submitter&) = delete;

  /// Waits while too much is under way.
  std::future<CreatedEvent> submit(std::unique_ptr<Submission> submission);

 private:
  /// An event and the promise of it.
  struct Job {
    std::unique_ptr<Submission> submission;
    std::promise<CreatedEvent> promise;
    HttpRequest reservation;
  };
  using JobPtr = std::unique_ptr<Job>;

  void enter(std::size_t bytes);
  void settle(JobPtr job) noexcept;
  void fail(JobPtr job, const std::exception_ptr& failure) noexcept;
  void leave(const JobPtr& job) noexcept;
  void help(JobPtr job, std::function<void(Submission&)> work);

  std::deque<JobPtr> take_inbox() noexcept;

  // On the reserving thread:
  void reserve_all() noexcept;
  void reserve_some();
  void give_up_reserving(const std::exception_ptr& reason) noexcept;
  void start(JobPtr job);
  void finish(HttpEngine::Finished finished);
  void deliver(JobPtr job);

  // On the delivering thread:
  void deliver_all() noexcept;
  JobPtr next_on_the_way();
  void finish_delivery(JobPtr job);
  // On either:
  void recover(JobPtr job, const std::exception_ptr& failure);

  Session& session_;
  const SubmitterLimits limits_;
  HttpEngine engine_;

  std::mutex mutex_;  ///< guards the five below
  std::condition_variable room_;
  std::condition_variable delivering_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  std::deque<JobPtr> inbox_;
  std::deque<JobPtr> on_the_way_;
  bool reserving_has_ended_ = false;

  std::atomic<bool> stopping_{false};
  HttpEngine::Id last_id_ = 0;
  std::deque<JobPtr> waiting_;  ///< for room in the engine
  std::unordered_map<HttpEngine::Id, JobPtr> reserving_;

  std::thread reserver_;
  std::thread deliverer_;
  ThreadPool helpers_;  // last: they use everything above until they have ended
};

}  // namespace gracedb::rest
