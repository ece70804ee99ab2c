#include "sandbox/event_endpoints.hpp"

#include "core/log.hpp"
#include "sandbox/catalog.hpp"
#include "sandbox/event_json.hpp"
#include "sandbox/event_parser.hpp"
#include "sandbox/graceid.hpp"

#include <nlohmann/json.hpp>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

constexpr log::Logger logger{"gracedb.sandbox"};

[[noreturn]] void refuse_fields(const std::vector<std::string>& errors) {
  throw Refusal(json_answer(400, {{"errors", errors}}));
}

/// Collects what is wrong with a form, so that it is reported all at once.
class FormCheck {
 public:
  explicit FormCheck(const Request& request) : request_(request) {}

  std::string required(const char* field, bool (*is_known)(std::string_view)) {
    const auto value = request_.field(field);
    if (!value) {
      errors_.push_back(std::string(field) + ": This field is required.");
    } else if (!is_known(*value)) {
      errors_.push_back(std::string(field) + ": '" + *value + "' is not one of the available choices.");
    }
    return value.value_or("");
  }
  std::optional<std::string> optional(const char* field, bool (*is_known)(std::string_view)) {
    auto value = request_.field(field);
    if (value && !is_known(*value)) {
      errors_.push_back(std::string(field) + ": '" + *value + "' is not one of the available choices.");
    }
    return value;
  }
  std::vector<std::string> labels() {
    auto labels = request_.fields("labels");
    for (const std::string& label : labels) {
      if (!is_label(label)) errors_.push_back("labels: Label '" + label + "' does not exist.");
      if (is_protected_label(label))
        errors_.push_back("labels: Label '" + label + "' cannot be set by hand.");
    }
    return labels;
  }
  const UploadedFile& file(const char* field) {
    static const UploadedFile nothing;
    const auto found = request_.files.find(field);
    if (found != request_.files.end()) return found->second;
    errors_.push_back(std::string(field) + ": This field is required.");
    return nothing;
  }
  void add(std::string error) { errors_.push_back(std::move(error)); }
  void finish() const {
    if (!errors_.empty()) refuse_fields(errors_);
  }

 private:
  const Request& request_;
  std::vector<std::string> errors_;
};

bool is_content_id(std::string_view text) {
  const auto id = parse_event_id(text);
  return id && std::holds_alternative<ContentId>(*id);
}

bool is_true(const std::optional<std::string>& text) {
  return text && (*text == "True" || *text == "true" || *text == "1" || *text == "on");
}

/// An event file as far as its pipeline's format can be read.
struct Reading {
  EventFacts facts;
  std::vector<std::string> warnings;
  bool is_readable = true;
};

Reading read_event_file(std::string_view pipeline, const UploadedFile& file) {
  Reading reading;
  try {
    reading.facts = parse_event_file(pipeline, file.contents);
  } catch (const UnreadableEventFile& error) {
    reading.is_readable = false;
    reading.warnings.push_back(std::string("Problem scanning data. No alert issued (") + error.what() + ")");
  }
  return reading;
}

json created_json(const Event& event, std::string_view api, const std::vector<std::string>& warnings) {
  json document = event_json(event, api);
  document["superevent_neighbours"] = json::object();
  document["warnings"] = warnings;
  return document;
}

EventUpload to_upload(const UploadedFile& file, Reading& reading, std::vector<std::string> labels) {
  return {.file_name = file.name,
          .contents = file.contents,
          .facts = std::move(reading.facts),
          .labels = std::move(labels),
          .kafka_server = {},
          .kafka_topic = {}};
}

std::string conflict_text(const Event& event) {
  return event.state == EventState::complete
             ? "Event " + event.graceid + " is complete with other content."
             : "The file is not the one that " + event.graceid + " was reserved for: content_id differs.";
}

}  // namespace

Event event_of(const Request& request, const EventStore& store) {
  auto event = store.find(request.path_fields.at("graceid"));
  if (!event || event->state != EventState::complete) throw Refusal(text_answer(404, "Event not found."));
  return *std::move(event);
}

EventStore::MakeAlert EventEndpoints::alert_maker(const Request& request, std::string_view type,
                                                  bool is_readable) const {
  return [this, &request, type, is_readable](const Event& event) -> std::optional<Alert> {
    if (!is_readable) return {};
    return make_alert(event, type, instance_name_, request.api);
  };
}

void EventEndpoints::publish(const EventStore::Completion& completion) const {
  if (completion.alert) publish_(*completion.alert);
}

Answer EventEndpoints::reserve(const Request& request) const {
  FormCheck form(request);
  Submission submission{.group = form.required("group", is_group),
                        .pipeline = form.required("pipeline", is_pipeline),
                        .search = form.optional("search", is_search),
                        .submitter = request.user.value(),
                        .content_id = request.field("content_id"),
                        .replay_id = request.field("replay_id")};
  if (submission.content_id && !is_content_id(*submission.content_id)) form.add("content_id: Not a UUID.");
  if (submission.replay_id && !is_replay_id(*submission.replay_id)) {
    form.add("replay_id: Give up to 30 characters of A-Z, a-z, 0-9, '_' and '-'.");
  }
  form.finish();
  if (submission.content_id) {
    submission.content_id = std::get<ContentId>(*parse_event_id(*submission.content_id));
  }
  const Event event = store_.reserve(submission);
  logger.info("reserved {} for {} ({}, {})", event.graceid, submission.submitter, submission.group,
              submission.pipeline);
  return json_answer(201,
                     {{"graceid", event.graceid},
                      {"submitter", submission.submitter},
                      {"group", submission.group},
                      {"pipeline", submission.pipeline},
                      {"search", submission.search ? json(*submission.search) : json(nullptr)},
                      {"content_id", submission.content_id ? json(*submission.content_id) : json(nullptr)},
                      {"replay_id", submission.replay_id ? json(*submission.replay_id) : json(nullptr)}});
}

Answer EventEndpoints::upload(const Request& request) const {
  const std::string& graceid = request.path_fields.at("graceid");
  FormCheck form(request);
  const UploadedFile& file = form.file("eventFile");
  auto labels = form.labels();
  if (const auto named = request.field("graceid"); named && *named != graceid) {
    form.add("graceid: '" + *named + "' is not the event of this address.");
  }
  form.finish();
  const auto reservation = store_.find(graceid);
  if (!reservation) throw Refusal(text_answer(404, "Event not found."));

  Reading reading = read_event_file(reservation->submission.pipeline, file);
  EventUpload upload = to_upload(file, reading, std::move(labels));
  upload.kafka_server = request.field("kafka_server");
  upload.kafka_topic = request.field("kafka_topic");
  const auto completion = store_.complete(graceid, upload, alert_maker(request, "new", reading.is_readable));
  publish(completion);
  switch (completion.outcome) {
    case EventStore::Outcome::not_found:
      break;
    case EventStore::Outcome::other_content:
      logger.info("refused an upload to {}: other content", graceid);
      return json_answer(409, {{"error", conflict_text(*completion.event)}});
    case EventStore::Outcome::already_done: {
      logger.info("{} was uploaded again with the same content", graceid);
      json document = created_json(*completion.event, request.api, {});
      document["already_complete"] = true;
      return json_answer(200, document);
    }
    case EventStore::Outcome::completed:
      logger.info("completed {}", graceid);
      return json_answer(201, created_json(*completion.event, request.api, reading.warnings))
          .with_header("Location", event_url(*completion.event, request.api));
  }
  throw Refusal(text_answer(404, "Event not found."));
}

Answer EventEndpoints::create(const Request& request) const {
  FormCheck form(request);
  Submission submission{.group = form.required("group", is_group),
                        .pipeline = form.required("pipeline", is_pipeline),
                        .search = form.optional("search", is_search),
                        .submitter = request.user.value(),
                        .content_id = {},
                        .replay_id = request.field("replay_id"),
                        .offline = is_true(request.field("offline"))};
  const UploadedFile& file = form.file("eventFile");
  auto labels = form.labels();
  form.finish();

  Reading reading = read_event_file(submission.pipeline, file);
  if (const auto instruments = request.field("instruments")) reading.facts.instruments = instruments;
  if (submission.replay_id && !is_replay_id(*submission.replay_id)) {
    reading.warnings.push_back("malformed replay_id '" + *submission.replay_id + "' was dropped");
    submission.replay_id.reset();
  }
  const EventUpload upload = to_upload(file, reading, std::move(labels));
  const auto completion = store_.create(submission, upload, alert_maker(request, "new", reading.is_readable));
  publish(completion);
  logger.info("created {}", completion.event->graceid);
  return json_answer(201, created_json(*completion.event, request.api, reading.warnings))
      .with_header("Location", event_url(*completion.event, request.api));
}

Answer EventEndpoints::replace(const Request& request) const {
  const Event event = event_of(request, store_);
  if (event.submission.submitter != request.user) {
    throw Refusal(text_answer(403, "You do not have permission to modify this event."));
  }
  FormCheck form(request);
  const UploadedFile& file = form.file("eventFile");
  form.finish();
  Reading reading = read_event_file(event.submission.pipeline, file);
  const EventUpload upload = to_upload(file, reading, {});
  publish(store_.replace(event.graceid, upload, *request.user,
                         alert_maker(request, "update", reading.is_readable)));
  return empty_answer(202);
}

Answer EventEndpoints::show(const Request& request) const {
  return json_answer(200, event_json(event_of(request, store_), request.api));
}

}  // namespace gracedb::sandbox
