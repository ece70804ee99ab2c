#include "rest/submit.hpp"

#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "core/interruption.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "kafka/delivery.hpp"
#include "rest/event_request.hpp"
#include "rest/gracedb_impl.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

// An event from create_event() or submit() to its result:
//
//   GraceDb::create_event()          check the options, read the file
//     EventSubmission::reserve()     POST events/reserve/ -> graceid
//     EventSubmission::publish()     upload message -> producer -> acknowledgement of the broker
//     EventSubmission::recover()     only if Kafka fails: upload over HTTP, or throw
//
// submit() takes the same steps on the threads of Submitter.
namespace gracedb::rest {
namespace {

using nlohmann::json;

constexpr log::Logger logger{"gracedb.rest"};

// Sent as kafka_server: marks an event that was uploaded over HTTP because Kafka failed.
constexpr const char* fallback_marker = "kafka delivery failed, reverted to http";

// Space in a Kafka message for framing, and for graceid and submitter, unknown before the reservation.
constexpr std::size_t message_overhead = 1024;

// Concurrent reservations, each on its own connection unless the server supports HTTP/2.
constexpr std::size_t max_connections = 8;
constexpr std::size_t max_pool_threads = 8;
constexpr std::chrono::milliseconds longest_wait{1'000};

std::chrono::microseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

bool is_success(const Exchange& exchange) {
  return !exchange.failure && exchange.response.status >= 200 && exchange.response.status < 300;
}

// Null if the body is not JSON.
json parse_answer(const Response& response) {
  try {
    return parse_json(response.body);
  } catch (const std::invalid_argument&) {
    return nullptr;
  }
}

std::optional<std::string> text_of(const json& answer, const char* key) {
  if (!answer.is_object()) return std::nullopt;
  const auto found = answer.find(key);
  if (found == answer.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// GraceDB creates an event that it cannot parse and only returns a warning.
void log_warnings(const json& answer, const std::string& graceid) {
  if (!answer.is_object()) return;
  const auto warnings = answer.find("warnings");
  if (warnings == answer.end() || !warnings->is_array()) return;
  for (const json& warning : *warnings) {
    if (warning.is_string()) logger.warning("GraceDB about {}: {}", graceid, warning.get<std::string>());
  }
}

void check_replay_id(const std::string& id) {
  constexpr std::size_t longest = 30;
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  if (!id.empty() && id.size() <= longest && id.find_first_not_of(allowed) == std::string::npos) return;
  throw std::invalid_argument(
      fmt::format("replay_id '{}' must have 1 to {} characters of A-Z a-z 0-9 _ -", id, longest));
}

// The checks that need neither GraceDB nor the file.
void check_options(const CreateEventOptions& event) {
  if (event.replay_id) check_replay_id(*event.replay_id);
  if (!event.gracedb_upload && event.kafka == nullptr) {
    throw std::invalid_argument("gracedb_upload=false publishes on Kafka only; pass a producer (kafka)");
  }
}

template <typename Error>
[[noreturn]] void rethrow_delivery_error(const Error& error, const std::string& suffix) {
  throw Error(error.what() + suffix, error.code(), error.is_retriable(), error.is_fatal(),
              error.may_have_arrived());
}

template <typename Error>
[[noreturn]] void rethrow_error(const Error& error, const std::string& suffix) {
  throw Error(error.what() + suffix, error.code(), error.is_retriable(), error.is_fatal());
}

// Throws the Kafka error again, with its own type, and `suffix` after its message.
[[noreturn]] void rethrow_with_suffix(const std::exception_ptr& kafka_error, const std::string& suffix) {
  try {
    std::rethrow_exception(kafka_error);
  } catch (const KafkaTopicError& error) {
    rethrow_delivery_error(error, suffix);
  } catch (const KafkaMessageDeliveryError& error) {
    rethrow_delivery_error(error, suffix);
  } catch (const KafkaTokenError& error) {
    rethrow_error(error, suffix);
  } catch (const KafkaAuthenticationError& error) {
    rethrow_error(error, suffix);
  } catch (const KafkaProducerError& error) {
    rethrow_error(error, suffix);
  } catch (const KafkaConnectionError& error) {
    rethrow_error(error, suffix);
  } catch (const KafkaError& error) {
    rethrow_error(error, suffix);
  }
}

}  // namespace

// One event. run() takes all steps in the calling thread; Submitter calls the steps one by one:
// reservation(), reserved(), start_delivery(), finish_delivery(), and recover() if one of the last two throws
// KafkaError.
class EventSubmission {
 public:
  // `session` and `root` must outlive it.
  // Throws std::invalid_argument if an option or the file cannot be used.
  EventSubmission(Session& session, const ApiRoot& root, CreateEventOptions event);

  void run();
  CreatedEvent take_result() { return std::move(created_); }

  bool uses_kafka() const noexcept { return event_.kafka != nullptr; }
  bool needs_reservation() const noexcept { return uses_kafka() && event_.gracedb_upload; }
  std::size_t file_size() const noexcept { return file_.contents().size(); }

  HttpRequest reservation();
  // Reads GraceDB's answer to `request`. Throws HttpError if it has no graceid.
  void reserved(const HttpRequest& request, Response response);
  void start_delivery();
  void finish_delivery();
  // Uploads over HTTP, or throws the Kafka error with the graceid.
  void recover(const std::exception_ptr& kafka_error);

 private:
  using Clock = std::chrono::steady_clock;

  bool reserve();
  void publish();
  void complete_over_http(const KafkaError& kafka_error);
  void post();

  kafka::UploadMessage message() const;
  void check_message_size() const;
  void warn_if_other_instance() const;

  Session& session_;
  const ApiRoot& root_;
  const CreateEventOptions event_;
  const EventFile file_;
  CreatedEvent created_;
  std::optional<std::string> submitter_;
  // Start of the reservation, then of the delivery.
  Clock::time_point start_ = Clock::now();
  std::optional<kafka::PendingDelivery> delivery_;
};

CreatedEvent GraceDb::create_event(const CreateEventOptions& options) {
  check_options(options);
  const ApiRoot& root = impl_->root();
  root.check_event(options);
  EventSubmission event(impl_->session(), root, options);
  event.run();
  return event.take_result();
}

EventSubmission::EventSubmission(Session& session, const ApiRoot& root, CreateEventOptions event)
    : session_(session), root_(root), event_(std::move(event)), file_(event_.filename, event_.contents) {
  created_.content_id = kafka::content_id(file_.contents());
  if (!uses_kafka()) return;
  check_message_size();
  warn_if_other_instance();
}

void EventSubmission::run() {
  if (!uses_kafka()) return post();
  if (needs_reservation() && !reserve()) return post();
  try {
    publish();
  } catch (const KafkaError&) {
    recover(std::current_exception());
  }
}

// False if the reservation failed and http_fallback allows a plain POST. That POST would fail with a rejected
// credential, too, so such an error is thrown.
bool EventSubmission::reserve() {
  constexpr auto warn = [](const std::exception& error) {
    logger.warning("no graceid was reserved; falling back to a plain HTTP upload: {}", error.what());
  };
  try {
    const HttpRequest request = reservation();
    reserved(request, session_.send(request));
    return true;
  } catch (const HttpError& error) {
    if (!event_.http_fallback || is_rejected_credential(error.status())) throw;
    warn(error);
  } catch (const HttpConnectionError& error) {
    if (!event_.http_fallback) throw;
    warn(error);
  }
  created_.reservation_time = since(start_);
  return false;
}

HttpRequest EventSubmission::reservation() {
  start_ = Clock::now();
  return reservation_request(root_, event_, created_.content_id);
}

void EventSubmission::reserved(const HttpRequest& request, Response response) {
  const json answer = parse_answer(response);
  std::optional<std::string> graceid = text_of(answer, "graceid");
  if (!graceid || graceid->empty())
    throw unexpected_answer(request, response, "a reservation without a graceid");
  submitter_ = text_of(answer, "submitter");
  created_.graceid = std::move(graceid);
  created_.response = std::move(response);
  created_.reservation_time = since(start_);
  logger.info("{}: reserved for {} after {} us", *created_.graceid, file_.name(),
              created_.reservation_time.count());
}

void EventSubmission::publish() {
  start_delivery();
  finish_delivery();
}

void EventSubmission::start_delivery() {
  start_ = Clock::now();
  kafka::ProduceOptions options{.topic = kafka::topic_of_event(event_.group, event_.pipeline),
                                .key = created_.graceid,
                                .headers = {},
                                .partition = std::nullopt,
                                .on_delivery = {}};
  delivery_ = kafka::PendingDelivery::start(
      *event_.kafka, kafka::build_upload_message(message(), file_.contents()), std::move(options));
}

void EventSubmission::finish_delivery() {
  created_.delivery = delivery_->wait();
  created_.delivery_time = since(start_);
  created_.route = EventRoute::kafka;
  logger.info("{}: confirmed on {} [{}] at offset {} after {} us", created_.graceid.value_or(file_.name()),
              created_.delivery->topic, created_.delivery->partition, *created_.delivery->offset,
              created_.delivery_time.count());
}

void EventSubmission::recover(const std::exception_ptr& kafka_error) {
  try {
    std::rethrow_exception(kafka_error);
  } catch (const KafkaError& error) {
    if (!created_.graceid) throw;
    if (event_.http_fallback) return complete_over_http(error);
    rethrow_with_suffix(kafka_error,
                        fmt::format("; graceid {} is reserved for this event and can be completed over HTTP",
                                    *created_.graceid));
  }
}

void EventSubmission::complete_over_http(const KafkaError& kafka_error) {
  logger.warning("Kafka failed for {}, falling back to an HTTP upload: {}", *created_.graceid,
                 kafka_error.what());
  const UploadReservedOptions options{.graceid = *created_.graceid,
                                      .filename = file_.name(),
                                      .contents = file_.contents(),
                                      .labels = event_.labels,
                                      .kafka_server = fallback_marker,
                                      .kafka_topic = std::nullopt};
  const auto explained = [&](const char* text) {
    return fmt::format("{} (graceid {} is reserved; before that, Kafka failed: {})", text, *created_.graceid,
                       kafka_error.what());
  };
  try {
    created_.response = session_.send(completion_request(root_, options, file_));
    created_.route = EventRoute::http_completion;
  } catch (const HttpError& error) {
    throw HttpError(explained(error.what()), error.status(), error.reason(), error.body(), error.headers());
  } catch (const HttpConnectionError& error) {
    throw HttpConnectionError(explained(error.what()));
  }
}

void EventSubmission::post() {
  created_.response = session_.send(creation_request(root_, event_, file_, created_.content_id));
  created_.route = EventRoute::http;
  const json answer = parse_answer(created_.response);
  if (auto graceid = text_of(answer, "graceid")) created_.graceid = std::move(graceid);
  log_warnings(answer, created_.graceid.value_or("the event"));
}

kafka::UploadMessage EventSubmission::message() const {
  using Seconds = std::chrono::duration<double>;
  kafka::UploadMessage message;
  message.gracedb_server = session_.service().text;
  message.graceid = created_.graceid;
  message.submitter = submitter_;
  message.pipeline = event_.pipeline;
  message.group = event_.group;
  message.search = event_.search;
  message.gracedb_upload = event_.gracedb_upload;
  message.skip_supervisor = event_.skip_supervisor;
  if (!event_.labels.empty()) message.labels = event_.labels;
  message.file_name = file_.name();
  message.content_id = created_.content_id;
  message.producer_timestamp = Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
  return message;
}

void EventSubmission::check_message_size() const {
  const std::size_t size = kafka::upload_message_size(message(), file_.contents().size()) + message_overhead;
  const std::size_t limit = event_.kafka->message_limit();
  if (size <= limit) return;
  throw std::invalid_argument(
      fmt::format("event file {} of {} bytes makes a Kafka message of {} bytes, more than the limit of {} "
                  "bytes; submit it "
                  "over HTTP (without kafka)",
                  file_.name(), file_.contents().size(), size, limit));
}

// The supervisor of an instance ignores messages for another GraceDB. A loopback address, of a tunnel or a
// developer's machine, does not name the instance.
void EventSubmission::warn_if_other_instance() const {
  const std::string instance = kafka::derive_instance_name(session_.service().text);
  if (event_.kafka->instance_name() == instance || is_loopback(session_.service().host)) return;
  logger.warning(
      "the Kafka producer is for instance {}, this client for {}; the supervisor may ignore the event",
      event_.kafka->instance_name(), session_.service().text);
}

json CreatedEvent::json() const { return response.json(); }

Response GraceDb::upload_reserved_event(const UploadReservedOptions& options) {
  require_graceid(options.graceid);
  const EventFile file(options.filename, options.contents);
  return impl_->session().send(completion_request(impl_->root(), options, file));
}

// submit(): many events at a time.

struct Submitter::Job {
  std::unique_ptr<EventSubmission> event;
  std::promise<CreatedEvent> promise;
  HttpRequest reservation;
};

std::future<CreatedEvent> GraceDb::submit(CreateEventOptions options) {
  check_options(options);
  const ApiRoot& root = impl_->root();
  root.check_event(options);
  return impl_->submitter().submit(
      std::make_unique<EventSubmission>(impl_->session(), root, std::move(options)));
}

Submitter::Submitter(Session& session, SubmitterLimits limits)
    : session_(session),
      limits_(limits),
      engine_(session.connection(), max_connections),
      reservation_thread_([this] { run_reservations(); }),
      delivery_thread_([this] { run_deliveries(); }),
      pool_(max_pool_threads) {}

Submitter::~Submitter() {
  stopping_ = true;
  engine_.wake();
  reservation_thread_.join();
  delivery_thread_.join();
}

std::future<CreatedEvent> Submitter::submit(std::unique_ptr<EventSubmission> event) {
  enter(event->file_size());
  auto job = std::make_unique<Job>();
  job->event = std::move(event);
  auto future = job->promise.get_future();
  if (!job->event->uses_kafka()) {
    run_in_pool(std::move(job), [](EventSubmission& posted) { posted.run(); });
    return future;
  }
  bool is_first = false;
  {
    const MutexLock lock(mutex_);
    is_first = inbox_.empty();
    inbox_.push_back(std::move(job));
  }
  if (is_first) engine_.wake();  // the thread takes the whole inbox
  return future;
}

// An event larger than the limit enters alone.
void Submitter::enter(std::size_t bytes) {
  MutexLock lock(mutex_);
  while (events_ > 0 && (events_ >= limits_.events || bytes_ + bytes > limits_.bytes)) {
    room_.wait_until(mutex_, std::chrono::steady_clock::now() + interruption::slice(longest_wait));
    lock.unlock();
    interruption::check();
    lock.lock();
  }
  ++events_;
  bytes_ += bytes;
}

void Submitter::leave(const Job& job) noexcept {
  const MutexLock lock(mutex_);
  --events_;
  bytes_ -= job.event->file_size();
  room_.notify_all();
}

void Submitter::succeed(JobPtr job) noexcept {
  leave(*job);
  job->promise.set_value(job->event->take_result());
}

void Submitter::fail(JobPtr job, const std::exception_ptr& error) noexcept {
  leave(*job);
  job->promise.set_exception(error);
}

void Submitter::run_in_pool(JobPtr job, std::function<void(EventSubmission&)> work) {
  // std::function must be copyable.
  pool_.run([this, work = std::move(work), shared = std::make_shared<JobPtr>(std::move(job))] {
    try {
      work(*(*shared)->event);
      succeed(std::move(*shared));
    } catch (...) {
      fail(std::move(*shared), std::current_exception());
    }
  });
}

void Submitter::recover(JobPtr job, const std::exception_ptr& error) {
  run_in_pool(std::move(job), [error](EventSubmission& event) { event.recover(error); });
}

void Submitter::run_reservations() noexcept {
  while (!stopping_) {
    try {
      reserve_some();
    } catch (...) {
      fail_reservations(std::current_exception());
    }
  }
  fail_reservations(std::make_exception_ptr(
      KafkaError("the client was closed before the event was reserved; the event was not sent")));
  const MutexLock lock(mutex_);
  reservations_ended_ = true;
  delivering_.notify_all();
}

void Submitter::reserve_some() {
  for (JobPtr& job : take_inbox()) {
    if (job->event->needs_reservation()) {
      waiting_.push_back(std::move(job));
    } else {
      start_delivery(std::move(job));
    }
  }
  while (!waiting_.empty() && engine_.has_room()) {
    JobPtr job = std::move(waiting_.front());
    waiting_.pop_front();
    start_reservation(std::move(job));
  }
  for (HttpEngine::Finished& finished : engine_.run(longest_wait))
    finish_reservation(std::move(finished));
}

void Submitter::fail_reservations(const std::exception_ptr& error) noexcept {
  for (auto& [id, job] : std::exchange(reserving_, {})) {
    engine_.cancel(id);
    fail(std::move(job), error);
  }
  for (JobPtr& job : std::exchange(waiting_, {}))
    fail(std::move(job), error);
  for (JobPtr& job : take_inbox())
    fail(std::move(job), error);
}

std::deque<Submitter::JobPtr> Submitter::take_inbox() noexcept {
  const MutexLock lock(mutex_);
  return std::exchange(inbox_, {});
}

void Submitter::start_reservation(JobPtr job) {
  const auto id = ++last_id_;
  try {
    job->reservation = job->event->reservation();
    engine_.start(id, job->reservation,
                  session_.credentials().authorization(parse_url(job->reservation.url)));
  } catch (...) {
    return fail(std::move(job), std::current_exception());
  }
  reserving_.emplace(id, std::move(job));
}

// Any failure goes to the pool, where run() starts again with its own retries and errors.
void Submitter::finish_reservation(HttpEngine::Finished finished) {
  JobPtr job = std::move(reserving_.extract(finished.id).mapped());
  bool is_reserved = is_success(finished.exchange);
  try {
    if (is_reserved) job->event->reserved(job->reservation, std::move(finished.exchange.response));
  } catch (const HttpError&) {
    is_reserved = false;
  }
  if (!is_reserved) return run_in_pool(std::move(job), [](EventSubmission& event) { event.run(); });
  start_delivery(std::move(job));
}

void Submitter::start_delivery(JobPtr job) {
  try {
    job->event->start_delivery();
  } catch (...) {
    return recover(std::move(job), std::current_exception());
  }
  const MutexLock lock(mutex_);
  in_flight_.push_back(std::move(job));
  delivering_.notify_one();
}

void Submitter::run_deliveries() noexcept {
  while (JobPtr job = next_in_flight())
    finish_delivery(std::move(job));
}

// Null after the last one.
Submitter::JobPtr Submitter::next_in_flight() {
  const MutexLock lock(mutex_);
  while (in_flight_.empty() && !reservations_ended_)
    delivering_.wait(mutex_);
  if (in_flight_.empty()) return nullptr;
  JobPtr job = std::move(in_flight_.front());
  in_flight_.pop_front();
  return job;
}

void Submitter::finish_delivery(JobPtr job) {
  try {
    job->event->finish_delivery();
  } catch (...) {
    return recover(std::move(job), std::current_exception());
  }
  succeed(std::move(job));
}

}  // namespace gracedb::rest
