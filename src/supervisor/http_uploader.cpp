#include "supervisor/http_uploader.hpp"

#include "core/duration.hpp"
#include "core/log.hpp"
#include "rest/event_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

constexpr rest::HttpEngine::Id root_id = 0;  // no upload has it
constexpr std::chrono::milliseconds outage_patience{2'000};
constexpr std::chrono::milliseconds shortest_wait_for_credential{1'000};
constexpr std::chrono::milliseconds longest_retry_after{600'000};
constexpr std::chrono::milliseconds idle{60'000};
constexpr std::chrono::milliseconds between_same_failures{30'000};
constexpr std::chrono::milliseconds between_token_watches{5'000};

rest::ConnectionSettings connection_settings(const rest::GraceDbOptions& options) {
  return {.ca_cert_path = options.ca_cert_path,
          .connect_timeout = options.connect_timeout,
          .timeout = options.timeout};
}

std::string root_url(const Url& service, const std::string& version) {
  return version == "default" ? service.text : service.text + version + "/";
}

}  // namespace

HttpUploader::HttpUploader(HttpUploaderOptions options, ResultQueue& results)
    : options_(std::move(options)),
      service_(parse_service_url(options_.gracedb.service_url)),
      credentials_(options_.gracedb, service_, options_.environment),
      results_(results),
      engine_(connection_settings(options_.gracedb), options_.most_connections),
      root_backoff_(options_.backoff, options_.longest_backoff),
      complaints_(between_same_failures),
      outage_(outage_patience),
      thread_([this] { run(); }) {}

HttpUploader::~HttpUploader() {
  stopping_ = true;
  engine_.wake();
  thread_.join();
}

void HttpUploader::submit(UploadOrder order) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(order));
  }
  engine_.wake();
}

void HttpUploader::abandon(std::vector<MessageId> ids) {
  if (ids.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    abandoned_.insert(abandoned_.end(), ids.begin(), ids.end());
  }
  engine_.wake();
}

void HttpUploader::run() noexcept {
  try {
    while (!stopping_)
      work();
  } catch (...) {
    results_.fail(std::current_exception());
  }
}

void HttpUploader::work() {
  take_inbox();
  watch_token();
  start_due();
  for (const rest::HttpEngine::Finished& finished : engine_.run(time_to_next()))
    finish(finished);
}

void HttpUploader::take_inbox() {
  std::vector<UploadOrder> orders;
  std::vector<MessageId> abandoned;
  {
    const std::lock_guard lock(mutex_);
    orders.swap(inbox_);
    abandoned.swap(abandoned_);
  }
  for (UploadOrder& order : orders)
    enqueue(std::move(order));
  for (const MessageId id : abandoned)
    drop(id);
}

void HttpUploader::enqueue(UploadOrder order) {
  const MessageId id = order.id;
  std::deque<MessageId>& queue = queues_[order.upload.graceid];
  queue.push_back(id);
  if (queue.size() == 1) due_.emplace(Clock::now(), id);
  jobs_.emplace(id, Job{std::move(order), Backoff(options_.backoff, options_.longest_backoff)});
}

void HttpUploader::drop(MessageId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  engine_.cancel(id);
  std::erase_if(due_, [id](const auto& entry) { return entry.second == id; });
  release_graceid(found->second);
  jobs_.erase(found);
}

// Lets the next event with this graceid go, if there is one.
void HttpUploader::release_graceid(const Job& job) {
  const auto found = queues_.find(job.order.upload.graceid);
  std::deque<MessageId>& queue = found->second;
  const bool was_first = queue.front() == job.order.id;
  std::erase(queue, job.order.id);
  if (queue.empty()) {
    queues_.erase(found);
  } else if (was_first) {
    due_.emplace(Clock::now(), queue.front());
  }
}

HttpUploader::Milliseconds HttpUploader::time_to_next() const {
  Clock::time_point next = Clock::now() + idle;
  if (wants_root()) next = std::min(next, root_due_);
  if (root_ && !due_.empty()) next = std::min(next, due_.begin()->first);
  return time_left(next);
}

void HttpUploader::start_due() {
  const auto now = Clock::now();
  if (wants_root() && root_due_ <= now) start_root();
  while (root_ && !due_.empty() && due_.begin()->first <= now) {
    const MessageId id = due_.begin()->second;
    due_.erase(due_.begin());
    start(jobs_.at(id));
  }
}

void HttpUploader::start_root() {
  rest::HttpRequest request{
      .method = rest::Method::get, .url = root_url(service_, options_.gracedb.api_version), .body = {}};
  const rest::Authorization authorization = credentials_.authorization(service_);
  root_was_anonymous_ = !authorization.token && !authorization.certificate;
  engine_.start(root_id, std::move(request), authorization);
  root_under_way_ = true;
}

void HttpUploader::start(Job& job) {
  const Upload& upload = job.order.upload;
  const kafka::UploadMessage& message = upload.event.message;
  const rest::UploadReservedOptions options{.graceid = upload.graceid,
                                            .filename = message.file_name,
                                            .contents = upload.event.contents,
                                            .labels = message.labels.value_or(std::vector<std::string>()),
                                            .kafka_server = options_.kafka_server,
                                            .kafka_topic = job.order.topic};
  try {
    const rest::EventFile file(options.filename, options.contents);
    rest::HttpRequest request = rest::completion_request(*root_, options, file);
    rest::Authorization authorization = credentials_.authorization(parse_url(request.url));
    job.token = authorization.token;
    job.is_anonymous = !authorization.token && !authorization.certificate;
    job.sent_at = Clock::now();
    ++job.attempts;
    engine_.start(job.order.id, std::move(request), authorization);
  } catch (const HttpError& fault) {
    // The API root leads nowhere; perhaps the next one does.
    due_.emplace(Clock::now(), job.order.id);
    root_.reset();
    root_failed(fault.what());
  }
}

void HttpUploader::finish(const rest::HttpEngine::Finished& finished) {
  if (finished.id == root_id) {
    root_under_way_ = false;
    finish_root(finished.exchange);
    return;
  }
  const auto found = jobs_.find(finished.id);
  if (found == jobs_.end()) return;
  options_.monitor->answered(Clock::now() - found->second.sent_at);
  settle(found->second, judge(finished.exchange, std::chrono::system_clock::now()));
}

void HttpUploader::finish_root(const rest::Exchange& exchange) {
  const Judgement judgement = judge(exchange, std::chrono::system_clock::now());
  if (judgement.verdict != Verdict::done) {
    const bool is_refused = judgement.verdict == Verdict::unauthorized;
    root_failed(judgement.reason);
    if (is_refused && !credentials_.renew()) report_refused(judgement.reason);
    return;
  }
  auto document = nlohmann::json::parse(exchange.response.body, nullptr, false);
  if (!document.is_object() || !document.contains("templates")) {
    root_failed("not the API root of a GraceDB; check the service URL");
    return;
  }
  const bool is_first = !root_;
  root_.emplace(std::move(document), root_url(service_, options_.gracedb.api_version), service_);
  root_backoff_.reset();
  report_answer();
  report_let_in();
  if (is_first) {
    logger.info("GraceDB at {} is there; authenticated by: {}", service_.text, credentials_.describe());
  }
}

void HttpUploader::root_failed(const std::string& reason) {
  const auto now = Clock::now();
  const Milliseconds wait = root_backoff_.next() + options_.backoff;
  root_due_ = now + wait;
  if (outage_.failed(now) || !root_) report_away(reason);
  log::write(complaints_.is_due(reason, now) ? LogLevel::warning : LogLevel::debug, logger.name,
             "GraceDB at {} cannot be used: {}; trying again in {} ms", service_.text, reason, wait.count());
}

void HttpUploader::settle(Job& job, Judgement judgement) {
  if (judgement.verdict == Verdict::retry || judgement.verdict == Verdict::unauthorized) {
    postpone(job, judgement);
    return;
  }
  report_answer();
  report_accepted(job);
  const MessageId id = job.order.id;
  results_.push({id, judgement.verdict, std::move(judgement.reason), job.attempts});
  release_graceid(job);
  jobs_.erase(id);
}

void HttpUploader::postpone(Job& job, const Judgement& judgement) {
  const auto now = Clock::now();
  const Milliseconds wait = waiting_time(job, judgement);
  due_.emplace(now + wait, job.order.id);
  options_.monitor->retried(judgement.cause);
  if (judgement.verdict == Verdict::unauthorized && wait > Milliseconds(0)) report_refused(judgement.reason);
  log::write(outage_.is_told() ? LogLevel::debug : LogLevel::info, logger.name,
             "{}: attempt {} failed: {}; trying again in {} ms", job.order.upload.graceid, job.attempts,
             judgement.reason, wait.count());
  if (!outage_.failed(now)) return;
  if (judgement.verdict == Verdict::unauthorized) {
    logger.error("GraceDB does not accept us and uploads are waiting: {}; authenticated by: {}",
                 judgement.reason, credentials_.describe());
  } else {
    report_away(judgement.reason);
    logger.warning("GraceDB takes no uploads and they are waiting: {}", judgement.reason);
  }
}

HttpUploader::Milliseconds HttpUploader::waiting_time(Job& job, const Judgement& judgement) {
  if (judgement.verdict == Verdict::unauthorized) {
    credentials_.renew();
    // Another upload may have found the new token before.
    if (credentials_.authorization(service_).token != job.token) return Milliseconds(0);
    return std::max(job.backoff.next(), shortest_wait_for_credential);
  }
  const Milliseconds asked = std::min(judgement.retry_after.value_or(Milliseconds(0)), longest_retry_after);
  job.not_before = Clock::now() + asked;
  return asked + job.backoff.next();
}

// After an outage nobody should sit out a long waiting time; but not all at the same moment.
void HttpUploader::hurry_waiting() {
  const auto now = Clock::now();
  Backoff spread(Milliseconds(1'000), Milliseconds(1'000));
  std::multimap<Clock::time_point, MessageId> sooner;
  for (const auto& [time, id] : due_) {
    sooner.emplace(std::min(time, std::max(now + spread.next(), jobs_.at(id).not_before)), id);
  }
  due_ = std::move(sooner);
}

// ---- what the monitor is told

void HttpUploader::watch_token() {
  const auto now = Clock::now();
  if (now < next_token_watch_) return;
  next_token_watch_ = now + between_token_watches;
  options_.monitor->set_token_expiry(credentials_.token_expiry());
}

void HttpUploader::report_answer() {
  const auto now = Clock::now();
  root_due_ = now + options_.between_looks;
  if (const auto lasted = outage_.answered(now)) {
    logger.warning("GraceDB takes uploads again, after {:.1f} s",
                   static_cast<double>(lasted->count()) / 1000);
    hurry_waiting();
  }
  report_there();
}

void HttpUploader::report_there() {
  if (std::exchange(answers_, true)) return;
  options_.monitor->health().set(Check::gracedb, true, service_.text + " answers");
}

void HttpUploader::report_accepted(const Job& job) {
  refuses_uploads_ = false;
  takes_anonymous_ = job.is_anonymous;
  if (std::exchange(accepts_us_, true)) return;
  options_.monitor->health().set(Check::token, true, "GraceDB accepts us by: " + credentials_.describe());
}

// The API root has been shown to us. While uploads are refused, that says nothing of them.
void HttpUploader::report_let_in() {
  if (refuses_uploads_ && !jobs_.empty()) return;
  refuses_uploads_ = false;
  const bool may_upload = !root_was_anonymous_ || takes_anonymous_;
  if (may_upload && accepts_us_) return;
  accepts_us_ = may_upload;
  options_.monitor->health().set(Check::token, may_upload,
                                 may_upload ? "GraceDB lets us in by: " + credentials_.describe()
                                            : "there is no usable token for GraceDB; see what is found with: "
                                              "gracedb-kafka token --for gracedb");
}

void HttpUploader::report_refused(const std::string& reason) {
  report_there();
  accepts_us_ = false;
  refuses_uploads_ = true;
  options_.monitor->health().set(Check::token, false, "GraceDB does not accept us: " + reason);
}

void HttpUploader::report_away(const std::string& reason) {
  answers_ = false;
  options_.monitor->health().set(Check::gracedb, false, reason);
}

}  // namespace gracedb::supervisor
