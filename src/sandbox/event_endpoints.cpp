#include "sandbox/event_endpoints.hpp"

#include "core/log.hpp"
#include "sandbox/catalog.hpp"
#include "sandbox/event_json.hpp"
#include "sandbox/event_parser.hpp"
#include "sandbox/form_check.hpp"
#include "sandbox/graceid.hpp"
#include "sandbox/json_tools.hpp"

#include <nlohmann/json.hpp>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

constexpr log::Logger logger{"gracedb.sandbox"};

std::optional<ContentId> to_content_id(std::string_view text) {
  auto id = parse_event_id(text);
  if (!id || !std::holds_alternative<ContentId>(*id)) return {};
  return std::get<ContentId>(*std::move(id));
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

Answer created_answer(int status, const Event& event, std::string_view api, json more) {
  more["superevent_neighbours"] = json::object();
  return json_text_answer(status, event_text(event, api, more));
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

Answer answer_to_upload(const EventStore::Completion& completion, std::string_view api,
                        const std::vector<std::string>& warnings) {
  if (!completion.event) throw Refusal(text_answer(404, "Event not found."));
  const Event& event = *completion.event;
  if (completion.outcome == EventStore::Outcome::other_content) {
    logger.info("refused an upload to {}: other content", event.graceid);
    return json_answer(409, {{"error", conflict_text(event)}});
  }
  if (completion.outcome == EventStore::Outcome::already_done) {
    logger.info("{} was uploaded again with the same content", event.graceid);
    return created_answer(200, event, api, {{"warnings", json::array()}, {"already_complete", true}});
  }
  logger.info("completed {}", event.graceid);
  return created_answer(201, event, api, {{"warnings", warnings}})
      .with_header("Location", event_url(event, api));
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
                        .content_id = {},
                        .replay_id = request.field("replay_id")};
  if (const auto content_id = request.field("content_id")) {
    submission.content_id = to_content_id(*content_id);
    if (!submission.content_id) form.add("content_id: Not a UUID.");
  }
  if (submission.replay_id && !is_replay_id(*submission.replay_id)) {
    form.add("replay_id: Give up to 30 characters of A-Z, a-z, 0-9, '_' and '-'.");
  }
  form.finish();
  const Event event = store_.reserve(submission);
  logger.info("reserved {} for {} ({}, {})", event.graceid, submission.submitter, submission.group,
              submission.pipeline);
  return json_answer(201, {{"graceid", event.graceid},
                           {"submitter", submission.submitter},
                           {"group", submission.group},
                           {"pipeline", submission.pipeline},
                           {"search", or_null(submission.search)},
                           {"content_id", or_null(submission.content_id)},
                           {"replay_id", or_null(submission.replay_id)}});
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
  return answer_to_upload(completion, request.api, reading.warnings);
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
  return created_answer(201, *completion.event, request.api, {{"warnings", reading.warnings}})
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
  return json_text_answer(200, event_text(event_of(request, store_), request.api));
}

}  // namespace gracedb::sandbox
