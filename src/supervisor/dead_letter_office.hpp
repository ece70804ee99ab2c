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
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gracedb::supervisor {

/// Sets messages aside on a thread of its own, one after the other: on the dead-letter topic, or in the spool
/// where there is no such topic or it does not take the message. Each is tried until it is durable.
class DeadLetterOffice {
 public:
  /// @param topic   may be none
  /// @param health  told whether we are stuck
  /// @param wake    called when take_done() or is_stuck() has news, on the office's own thread
  DeadLetterOffice(Spool spool, std::unique_ptr<DeadLetterTopic> topic, Health& health,
                   std::function<void()> wake);
  /// Gives up what is not done.
  ~DeadLetterOffice();
  DeadLetterOffice(const DeadLetterOffice&) = delete;
  DeadLetterOffice& operator=(const DeadLetterOffice&) = delete;

  void submit(Rejected rejected);
  /// Gives these up; and should the partition come back, others may have set its messages aside meanwhile.
  void abandon(const std::vector<Window::Id>& ids, const Partition& partition);
  /// Those that are set aside since the last call.
  std::vector<Rejected> take_done();
  /// True while nothing can be set aside; no more should be taken then.
  bool is_stuck() const noexcept { return stuck_; }

 private:
  using Clock = std::chrono::steady_clock;

  // The rest runs on the office's own thread.
  void run();
  void look_at_topic();
  std::optional<Rejected> next();
  /// False: given up.
  bool place(const Rejected& rejected);
  bool try_to_place(const Rejected& rejected);
  void fall_back(const Rejected& rejected, const std::string& reason);
  bool is_wanted(Window::Id id);
  void wait_before_next_try(Window::Id id);
  void be_stuck(const Rejected& rejected, const std::string& reason);
  void go_on();

  const Spool spool_;
  const std::unique_ptr<DeadLetterTopic> topic_;
  Health& health_;
  const std::function<void()> wake_;
  Complaints complaints_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Rejected> inbox_;
  std::vector<Rejected> done_;
  std::set<Window::Id> abandoned_;  ///< of those that are being worked on
  std::vector<Partition> to_forget_;
  std::optional<Window::Id> under_way_;
  bool stopping_ = false;
  std::atomic<bool> stuck_{false};

  std::thread thread_;
};

}  // namespace gracedb::supervisor
