#pragma once

#include "supervisor/complaints.hpp"
#include "supervisor/dead_letter_topic.hpp"
#include "supervisor/health.hpp"
#include "supervisor/rejected.hpp"
#include "supervisor/spool.hpp"
#include "supervisor/window.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gracedb::supervisor {

/// Sets messages aside on a thread of its own: on the dead-letter topic, as many as are there together, or in
/// the spool where there is no such topic or it does not take them. Each is tried until it is durable.
class DeadLetterOffice {
 public:
  /// @param topic   may be none
  /// @param health  told whether we are stuck
  /// @param wake    called when take_done(), take_returned() or is_stuck() has news, on the office's own
  /// thread
  DeadLetterOffice(Spool spool, std::unique_ptr<DeadLetterTopic> topic, Health& health,
                   std::function<void()> wake);
  /// Gives up what is not done.
  ~DeadLetterOffice();
  DeadLetterOffice(const DeadLetterOffice&) = delete;
  DeadLetterOffice& operator=(const DeadLetterOffice&) = delete;

  /// Those of one partition in their order.
  void submit(std::vector<Rejected> rejected);
  void abandon(const std::vector<Window::Id>& ids);
  /// Those that are set aside since the last call.
  std::vector<Rejected> take_done();
  /// Those that are not: the group has gone on since they were let through the fence.
  std::vector<Rejected> take_returned();
  /// True while nothing can be set aside; no more should be taken then.
  bool is_stuck() const noexcept { return stuck_; }

 private:
  using Clock = std::chrono::steady_clock;

  // The rest runs on the office's own thread.
  void run();
  void look_at_topic();
  bool next();
  Placed place();
  Placed try_to_place();
  Placed place_in_spool(const std::string& reason);
  Placed place_singly();
  void finish(Placed placed);
  bool keep_wanted();
  bool is_wanted();
  void wait_before_next_try();
  void be_stuck(const std::string& reason);
  void go_on();

  const Spool spool_;
  const std::unique_ptr<DeadLetterTopic> topic_;
  Health& health_;
  const std::function<void()> wake_;
  Complaints complaints_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Rejected> inbox_;
  std::size_t singly_ = 0;           ///< so many of the inbox are to be placed one by one
  std::vector<Rejected> under_way_;  ///< changed by the office's thread alone
  std::set<Window::Id> abandoned_;   ///< of those
  std::vector<Rejected> done_;
  std::vector<Rejected> returned_;
  bool stopping_ = false;
  std::atomic<bool> stuck_{false};

  std::thread thread_;
};

}  // namespace gracedb::supervisor
