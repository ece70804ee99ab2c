#include "rest/submission.hpp"

#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "core/log.hpp"
#include "rest/error_text.hpp"
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

constexpr log::Logger logger{"gracedb.rest"};
constexpr const char* fallback_marker = "kafka delivery failed, reverted to http";

// Room in a Kafka message for what is only known after the reservation (graceid, submitter) and for framing.
constexpr std::size_t message_overhead = 1024;

std::chrono::microseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
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

}  // namespace

void check_options(const CreateEventOptions& event) {
  if (event.replay_id) check_replay_id(*event.replay_id);
  if (!event.gracedb_upload && event.kafka == nullptr) {
    throw std::invalid_argument(
        "gracedb_upload=false publishes on Kafka only, but no producer (kafka) was given");
  }
}

Submission::Submission(Session& session, const ApiRoot& root, CreateEventOptions event)
    : session_(session), root_(root), event_(std::move(event)), file_(event_.filename, event_.contents) {
  created_.content_id = kafka::content_id(file_.contents());
  if (!goes_by_kafka()) return;
  require_room_on_topic();
  warn_of_another_instance();
}

void Submission::take_all_steps() {
  if (goes_by_kafka() && !event_.gracedb_upload) return publish();
  if (goes_by_kafka() && reserve()) return publish_or_recover();
  post();
}

void Submission::post() {
  const HttpRequest request = creation_request(root_, event_, file_, created_.content_id);
  created_.response = session_.send(request);
  created_.route = EventRoute::http;
  const json answer = json::parse(created_.response.body, nullptr, false);
  if (!answer.is_object()) return;
  created_.graceid = text_of(answer, "graceid");
  log_warnings(answer, created_.graceid.value_or("the event"));
}

// False if the reservation failed and the event is to go by a plain POST. A refused credential would be
// refused there too, and must not be hidden.
bool Submission::reserve() {
  try {
    const HttpRequest request = reservation();
    reserved(request, session_.send(request));
    return true;
  } catch (const HttpError& error) {
    if (!event_.http_fallback || is_refused_credential(error)) throw;
    logger.warning("no graceid could be reserved, going on with a plain HTTP upload: {}", error.what());
  } catch (const HttpConnectionError& error) {
    if (!event_.http_fallback) throw;
    logger.warning("no graceid could be reserved, going on with a plain HTTP upload: {}", error.what());
  }
  created_.reservation_time = since(begun_);
  return false;
}

HttpRequest Submission::reservation() {
  begun_ = Clock::now();
  return reservation_request(root_, event_, created_.content_id);
}

void Submission::reserved(const HttpRequest& request, Response response) {
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
  created_.reservation_time = since(begun_);
  logger.info("{}: reserved for {} after {} us", *created_.graceid, file_.name(),
              created_.reservation_time.count());
}

void Submission::begin_delivery() {
  begun_ = Clock::now();
  kafka::ProduceOptions options{.topic = kafka::topic_of_event(event_.group, event_.pipeline),
                                .key = created_.graceid,
                                .headers = {},
                                .partition = std::nullopt,
                                .on_delivery = {}};
  delivery_ = kafka::PendingDelivery::start(
      *event_.kafka, kafka::build_upload_message(message(), file_.contents()), std::move(options));
}

void Submission::finish_delivery() {
  created_.delivery = delivery_->wait();
  created_.delivery_time = since(begun_);
  created_.route = EventRoute::kafka;
  logger.info("{}: confirmed on {} [{}] at offset {} after {} us", created_.graceid.value_or(file_.name()),
              created_.delivery->topic, created_.delivery->partition, *created_.delivery->offset,
              created_.delivery_time.count());
}

void Submission::publish() {
  begin_delivery();
  finish_delivery();
}

void Submission::publish_or_recover() {
  try {
    publish();
  } catch (const KafkaError&) {
    recover(std::current_exception());
  }
}

void Submission::recover(const std::exception_ptr& kafka_failure) {
  try {
    std::rethrow_exception(kafka_failure);
  } catch (const KafkaError& failure) {
    if (!created_.graceid) throw;
    if (event_.http_fallback) return complete(failure);
    KafkaFailure(fmt::format("; graceid {} is reserved for this event and can be completed over HTTP",
                             *created_.graceid))
        .rethrow(kafka_failure);
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

}  // namespace gracedb::rest
