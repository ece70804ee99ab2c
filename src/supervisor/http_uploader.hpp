#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "core/backoff.hpp"
#include "rest/api_root.hpp"
#include "rest/credentials.hpp"
#include "rest/http.hpp"
#include "supervisor/complaints.hpp"
#include "supervisor/monitor.hpp"
#include "supervisor/outage.hpp"
#include "supervisor/result_queue.hpp"
#include "supervisor/uploader.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace gracedb::supervisor {

struct HttpUploaderOptions {
  rest::GraceDbOptions gracedb;  ///< its retry policy is not used: uploads are tried for ever
  std::string kafka_server;      ///< told to GraceDB with each event
  auth::Environment environment = auth::Environment::of_process();  ///< where the token is looked for
  std::size_t most_connections = 64;
  std::chrono::milliseconds backoff{100};  ///< first ceiling of the waiting time between tries; doubles
  std::chrono::milliseconds longest_backoff{15'000};
  std::chrono::milliseconds between_looks{30'000};  ///< at GraceDB, where no upload tells how it is
  std::shared_ptr<Monitor> monitor = std::make_shared<Monitor>();  ///< told what goes on
};

/// Uploads events to GraceDB over HTTP, on a thread of its own. What fails for the moment is tried again for
/// ever; two events with the same graceid go one after the other.
class HttpUploader final : public Uploader {
 public:
  /// @throws std::invalid_argument, CredentialError  as GraceDb
  HttpUploader(HttpUploaderOptions options, ResultQueue& results);
  /// Breaks off what is under way.
  ~HttpUploader() override;

  void submit(UploadOrder order) override;
  void abandon(std::vector<MessageId> ids) override;

 private:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  struct Job {
    UploadOrder order;
    Backoff backoff;
    int attempts = 0;
    std::optional<std::string> token = {};  ///< sent with the last attempt
    bool is_anonymous = false;              ///< that attempt, without a certificate either
    Clock::time_point sent_at = {};
    Clock::time_point not_before = {};  ///< GraceDB has asked not to be tried sooner
  };

  // The rest runs on the uploader's own thread.
  void run() noexcept;
  void work();
  void take_inbox();
  void enqueue(UploadOrder order);
  void drop(MessageId id);
  void start_due();
  bool wants_root() const noexcept { return !root_under_way_ && (!root_ || jobs_.empty()); }
  void start_root();
  void start(Job& job);
  Milliseconds time_to_next() const;
  void finish(const rest::HttpEngine::Finished& finished);
  void finish_root(const rest::Exchange& exchange);
  void root_failed(const std::string& reason);
  void settle(Job& job, Judgement judgement);
  void postpone(Job& job, const Judgement& judgement);
  Milliseconds waiting_time(Job& job, const Judgement& judgement);
  void release_graceid(const Job& job);
  void hurry_waiting();

  // What the monitor is told.
  void watch_token();
  void report_answer();
  void report_there();
  void report_accepted(const Job& job);
  void report_let_in();
  void report_refused(const std::string& reason);
  void report_away(const std::string& reason);

  const HttpUploaderOptions options_;
  const Url service_;
  rest::Credentials credentials_;
  ResultQueue& results_;
  rest::HttpEngine engine_;

  std::mutex mutex_;
  std::vector<UploadOrder> inbox_;
  std::vector<MessageId> abandoned_;
  std::atomic<bool> stopping_{false};

  std::unordered_map<MessageId, Job> jobs_;
  std::multimap<Clock::time_point, MessageId> due_;
  std::unordered_map<std::string, std::deque<MessageId>>
      queues_;  ///< by graceid; the first is being uploaded
  std::optional<rest::ApiRoot> root_;
  Backoff root_backoff_;
  Clock::time_point root_due_ = Clock::now();
  bool root_under_way_ = false;
  Complaints complaints_;
  Outage outage_;
  Clock::time_point next_token_watch_ = Clock::now();
  bool answers_ = false;             ///< as the monitor has been told
  bool accepts_us_ = false;          ///< the same
  bool refuses_uploads_ = false;     ///< for our credential, since the last one taken
  bool takes_anonymous_ = false;     ///< an upload without a credential was taken
  bool root_was_anonymous_ = false;  ///< the request under way

  std::thread thread_;
};

}  // namespace gracedb::supervisor
