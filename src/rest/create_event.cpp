#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "core/log.hpp"
#include "rest/error_text.hpp"
#include "rest/event_file.hpp"
#include "rest/gracedb_impl.hpp"
#include "rest/requests.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr log::Logger logger{"gracedb.rest"};
constexpr const char* fallback_marker = "kafka delivery failed, reverted to http";

// Room in a Kafka message for what is only known after the reservation (graceid, submitter) and for framing.
constexpr std::size_t message_overhead = 1024;

std::chrono::microseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
}

bool is_refused_credential(const HttpError& error) { return error.status() == 401 || error.status() == 403; }

void check_replay_id(const std::string& id) {
  constexpr std::size_t longest = 30;
  const bool has_form =
      !id.empty() && id.size() <= longest && std::all_of(id.begin(), id.end(), [](unsigned char c) {
        return (c < 0x80 && std::isalnum(c) != 0) || c == '-' || c == '_';
      });
  if (!has_form) {
    throw std::invalid_argument(
        fmt::format("replay_id '{}' is not made of 1 to {} characters A-Z a-z 0-9 _ -", id, longest));
  }
}

void check_options(const CreateEventOptions& event) {
  if (event.replay_id) check_replay_id(*event.replay_id);
  if (!event.gracedb_upload && event.kafka == nullptr) {
    throw std::invalid_argument(
        "gracedb_upload=false publishes on Kafka only, but no producer (kafka) was given");
  }
}

std::optional<std::string> text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// An event that could not be read by GraceDB is created all the same, with a warning that nobody should miss.
void log_warnings(const json& answer, const std::string& graceid) {
  const auto warnings = answer.find("warnings");
  if (warnings == answer.end() || !warnings->is_array()) return;
  for (const json& warning : *warnings) {
    if (warning.is_string()) logger.warning("GraceDB about {}: {}", graceid, warning.get<std::string>());
  }
}

/// Adds to the text of a Kafka failure what became of the event, and throws it again as what it was.
class KafkaFailure {
 public:
  explicit KafkaFailure(std::string suffix) : suffix_(std::move(suffix)) {}

  [[noreturn]] void rethrow(const std::exception_ptr& failure) const {
    try {
      std::rethrow_exception(failure);
    } catch (const KafkaTopicError& error) {
      rethrow_delivery(error);
    } catch (const KafkaMessageDeliveryError& error) {
      rethrow_delivery(error);
    } catch (const KafkaTokenError& error) {
      rethrow_as(error);
    } catch (const KafkaAuthenticationError& error) {
      rethrow_as(error);
    } catch (const KafkaProducerError& error) {
      rethrow_as(error);
    } catch (const KafkaConnectionError& error) {
      rethrow_as(error);
    } catch (const KafkaError& error) {
      rethrow_as(error);
    }
  }

 private:
  template <typename Error>
  [[noreturn]] void rethrow_delivery(const Error& error) const {
    throw Error(error.what() + suffix_, error.code(), error.is_retriable(), error.is_fatal(),
                error.may_have_arrived());
  }

  template <typename Error>
  [[noreturn]] void rethrow_as(const Error& error) const {
    throw Error(error.what() + suffix_, error.code(), error.is_retriable(), error.is_fatal());
  }

  std::string suffix_;
};

/// One event on its way.
class Submission {
 public:
  Submission(Session& session, const ApiRoot& root, const CreateEventOptions& event)
      : session_(session), root_(root), event_(event), file_(event.filename, event.contents) {
    created_.content_id = kafka::content_id(file_.contents());
  }

  CreatedEvent run() {
    if (event_.kafka == nullptr) {
      post();
    } else {
      require_room_on_topic();
      warn_of_another_instance();
      if (event_.gracedb_upload) {
        reserve_and_publish();
      } else {
        publish();
      }
    }
    return std::move(created_);
  }

 private:
  void post();
  void reserve_and_publish();
  bool reserve();
  void read_reservation(const HttpRequest& request);
  void publish();
  void publish_or_complete();
  void complete(const KafkaError& failure);

  kafka::UploadMessage message() const;
  void require_room_on_topic() const;
  void warn_of_another_instance() const;

  Session& session_;
  const ApiRoot& root_;
  const CreateEventOptions& event_;
  const EventFile file_;
  CreatedEvent created_;
  std::optional<std::string> submitter_;
};

void Submission::post() {
  const HttpRequest request = creation_request(root_, event_, file_, created_.content_id);
  created_.response = session_.send(request);
  created_.route = EventRoute::http;
  const json answer = json::parse(created_.response.body, nullptr, false);
  if (!answer.is_object()) return;
  created_.graceid = text_of(answer, "graceid");
  log_warnings(answer, created_.graceid.value_or("the event"));
}

void Submission::reserve_and_publish() {
  if (reserve()) {
    publish_or_complete();
  } else {
    post();
  }
}

// False if the reservation failed and the event is to go by a plain POST. A refused credential would be
// refused there too, and must not be hidden.
bool Submission::reserve() {
  const auto start = Clock::now();
  try {
    read_reservation(reservation_request(root_, event_, created_.content_id));
    created_.reservation_time = since(start);
    logger.info("{}: reserved for {} after {} us", *created_.graceid, file_.name(),
                created_.reservation_time.count());
    return true;
  } catch (const HttpError& error) {
    if (!event_.http_fallback || is_refused_credential(error)) throw;
    logger.warning("no graceid could be reserved, going on with a plain HTTP upload: {}", error.what());
  } catch (const HttpConnectionError& error) {
    if (!event_.http_fallback) throw;
    logger.warning("no graceid could be reserved, going on with a plain HTTP upload: {}", error.what());
  }
  created_.reservation_time = since(start);
  return false;
}

void Submission::read_reservation(const HttpRequest& request) {
  Response response = session_.send(request);
  const json answer = json::parse(response.body, nullptr, false);
  std::optional<std::string> graceid;
  if (answer.is_object()) {
    graceid = text_of(answer, "graceid");
    submitter_ = text_of(answer, "submitter");
  }
  if (!graceid || graceid->empty())
    throw unexpected_answer(request, response, "a reservation without a graceid");
  created_.graceid = std::move(graceid);
  created_.response = std::move(response);
}

void Submission::publish() {
  const auto start = Clock::now();
  kafka::ProduceOptions options{.topic = kafka::topic_of_event(event_.group, event_.pipeline),
                                .key = created_.graceid,
                                .headers = {},
                                .partition = std::nullopt,
                                .on_delivery = {}};
  kafka::DeliveryReport report =
      event_.kafka->deliver(kafka::build_upload_message(message(), file_.contents()), std::move(options),
                            event_.kafka->flush_timeout());
  report.key = {};
  report.value = {};
  created_.delivery = std::move(report);
  created_.delivery_time = since(start);
  created_.route = EventRoute::kafka;
  logger.info("{}: confirmed on {} [{}] at offset {} after {} us", created_.graceid.value_or(file_.name()),
              created_.delivery->topic, created_.delivery->partition, created_.delivery->offset,
              created_.delivery_time.count());
}

void Submission::publish_or_complete() {
  try {
    publish();
  } catch (const KafkaError& failure) {
    if (event_.http_fallback) return complete(failure);
    KafkaFailure(fmt::format("; graceid {} is reserved for this event and can be completed over HTTP",
                             *created_.graceid))
        .rethrow(std::current_exception());
  }
}

void Submission::complete(const KafkaError& failure) {
  logger.warning("Kafka failed for {}, going on with an HTTP upload: {}", *created_.graceid, failure.what());
  const UploadReservedOptions options{.graceid = *created_.graceid,
                                      .filename = file_.name(),
                                      .contents = file_.contents(),
                                      .labels = event_.labels,
                                      .kafka_server = fallback_marker,
                                      .kafka_topic = std::nullopt};
  const auto explained = [&](const char* text) {
    return fmt::format("{} (graceid {} is reserved; Kafka had failed before: {})", text, *created_.graceid,
                       failure.what());
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

kafka::UploadMessage Submission::message() const {
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

void Submission::require_room_on_topic() const {
  const std::size_t size = kafka::upload_message_size(message(), file_.contents().size()) + message_overhead;
  const std::size_t limit = event_.kafka->message_limit();
  if (size <= limit) return;
  throw std::invalid_argument(
      fmt::format("event file {} of {} bytes makes a Kafka message of {} bytes, more than the limit of {} "
                  "bytes; submit it over "
                  "HTTP (without kafka)",
                  file_.name(), file_.contents().size(), size, limit));
}

// The supervisor of an instance leaves messages for another GraceDB alone. Behind a loopback address, as in a
// tunnel or on a developer's machine, the name of the host says nothing.
void Submission::warn_of_another_instance() const {
  const std::string instance = kafka::derive_instance_name(session_.service().text);
  if (event_.kafka->instance_name() == instance || is_loopback(session_.service().host)) return;
  logger.warning("the Kafka producer is for instance {}, this client for {}; the event may be left alone",
                 event_.kafka->instance_name(), session_.service().text);
}

}  // namespace

CreatedEvent GraceDb::create_event(const CreateEventOptions& options) {
  check_options(options);
  const ApiRoot& root = impl_->root();
  root.check_event(options);
  return Submission(impl_->session(), root, options).run();
}

Response GraceDb::upload_reserved_event(const UploadReservedOptions& options) {
  require_graceid(options.graceid);
  const EventFile file(options.filename, options.contents);
  return impl_->session().send(completion_request(impl_->root(), options, file));
}

json CreatedEvent::json() const { return response.json(); }

}  // namespace gracedb::rest
