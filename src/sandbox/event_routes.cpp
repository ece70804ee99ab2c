#include "core/duration.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "core/url.hpp"
#include "sandbox/event_parsers.hpp"
#include "sandbox/query.hpp"
#include "sandbox/routes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

constexpr log::Logger logger{"gracedb.sandbox"};

// GraceDB stores times with six decimals.
json to_microseconds(const std::optional<double>& seconds) {
  if (!seconds || !std::isfinite(*seconds)) return nullptr;
  return std::round(*seconds * 1e6) / 1e6;
}

json reporting_latency(const Event& event) {
  if (!event.facts.gpstime || !event.created) return nullptr;
  return to_microseconds(to_gps(*event.created) - *event.facts.gpstime);
}

json links_of(const Event& event, std::string_view api) {
  const std::string self = event_url(event, api);
  return {{"neighbors", self + "/neighbors/"},
          {"log", self + "/log/"},
          {"emobservations", self + "/emobservation/"},
          {"files", self + "/files/"},
          {"labels", self + "/labels/"},
          {"self", self},
          {"tags", self + "/tag/"}};
}

// The members of an event except its extra attributes, which are JSON text already.
json members_of(const Event& event, std::string_view api) {
  const Submission& submission = event.submission;
  const EventFacts& facts = event.facts;
  return {
      {"submitter", submission.submitter},
      {"created", event.created ? json(format_utc(*event.created)) : json(nullptr)},
      {"group", submission.group},
      {"pipeline", submission.pipeline},
      {"graceid", event.graceid},
      {"gpstime", to_microseconds(facts.gpstime)},
      {"reporting_latency", reporting_latency(event)},
      {"instruments", facts.instruments.value_or("")},
      {"nevents", or_null(facts.nevents)},
      {"offline", submission.offline},
      {"search", or_null(submission.search)},
      {"far", or_null(facts.far)},
      {"far_is_upper_limit", false},
      {"likelihood", or_null(facts.likelihood)},
      {"labels", event.labels},
      {"superevent", nullptr},
      {"replay_id", or_null(submission.replay_id)},
      {"links", links_of(event, api)},
  };
}

}  // namespace

std::string event_url(const Event& event, std::string_view api) {
  return std::string(api) + "events/" + event.graceid;
}

std::string file_url(const Event& event, std::string_view api, std::string_view file_name) {
  // A comma before a version is not escaped.
  std::string encoded = percent_encode(file_name);
  constexpr std::string_view comma = "%2C";
  for (std::size_t at = encoded.find(comma); at != std::string::npos; at = encoded.find(comma, at))
    encoded.replace(at, comma.size(), ",");
  return event_url(event, api) + "/files/" + encoded;
}

std::string event_text(const Event& event, std::string_view api, const json& more) {
  json document = members_of(event, api);
  document.update(more);
  std::string text = dump_json(document);
  text.back() = ',';
  return text.append("\"extra_attributes\":").append(event.facts.extra_attributes) += '}';
}

Alert make_alert(const Event& event, std::string_view alert_type, std::string_view instance_name,
                 std::string_view api) {
  const std::string object = event_text(event, api, {{"superevent_neighbours", json::object()}});
  const Submission& submission = event.submission;
  return {to_lower(fmt::format("{}.{}_{}", instance_name, submission.group, submission.pipeline)),
          fmt::format(R"({{"uid":"{}","alert_type":"{}","data":{},"object":{}}})", event.graceid, alert_type,
                      object, object)};
}

Event event_of(const Request& request, const EventStore& store) {
  auto event = store.find(request.path_fields.at("graceid"));
  if (!event || event->state != EventState::complete) throw Rejection(text_answer(404, "Event not found."));
  return *std::move(event);
}

namespace {

/// Reads the fields of a form and collects all errors, so that one answer reports them together.
class FormReader {
 public:
  using IsKnown = bool (*)(std::string_view);

  explicit FormReader(const Request& request) : request_(request) {}

  std::string required(const std::string& field, IsKnown is_known) {
    auto value = optional(field, is_known);
    if (!value) add_missing(field);
    return std::move(value).value_or("");
  }
  std::optional<std::string> optional(const std::string& field, IsKnown is_known) {
    auto value = request_.field(field);
    if (value && !is_known(*value)) add(field + ": '" + *value + "' is not one of the available choices.");
    return value;
  }
  /// The field "labels": each must exist and not represent a signoff.
  std::vector<std::string> labels() {
    auto labels = request_.fields("labels");
    for (const std::string& label : labels) {
      if (!is_label(label)) add("labels: Label '" + label + "' does not exist.");
      if (is_protected_label(label)) add("labels: Label '" + label + "' cannot be set by hand.");
    }
    return labels;
  }
  const UploadedFile& file(const std::string& field) {
    static const UploadedFile empty;
    const auto found = request_.files.find(field);
    if (found != request_.files.end()) return found->second;
    add_missing(field);
    return empty;
  }

  void add(std::string error) { errors_.push_back(std::move(error)); }
  /// @throws Rejection  400 with all errors, if there are any
  void finish() const {
    if (!errors_.empty()) throw Rejection(json_answer(400, {{"errors", errors_}}));
  }

 private:
  void add_missing(const std::string& field) { add(field + ": This field is required."); }

  const Request& request_;
  std::vector<std::string> errors_;
};

std::optional<ContentId> to_content_id(std::string_view text) {
  auto id = parse_event_id(text);
  if (!id || !std::holds_alternative<ContentId>(*id)) return {};
  return std::get<ContentId>(*std::move(id));
}

bool is_true(const std::optional<std::string>& text) {
  return text && (*text == "True" || *text == "true" || *text == "1" || *text == "on");
}

/// The result of parsing an event file.
struct ParsedFile {
  EventFacts facts;
  std::vector<std::string> warnings;
  bool is_readable = true;
};

ParsedFile parse_with_warnings(std::string_view pipeline, const UploadedFile& file) {
  ParsedFile parsed;
  try {
    parsed.facts = parse_event_file(pipeline, file.contents);
  } catch (const UnreadableEventFile& error) {
    parsed.is_readable = false;
    parsed.warnings.push_back(std::string("Problem scanning data. No alert issued (") + error.what() + ")");
  }
  return parsed;
}

Answer created_answer(int status, const Event& event, std::string_view api, json more) {
  more["superevent_neighbours"] = json::object();
  return json_text_answer(status, event_text(event, api, more));
}

EventUpload to_upload(const UploadedFile& file, ParsedFile& parsed, std::vector<std::string> labels) {
  return {.file_name = file.name,
          .contents = file.contents,
          .facts = std::move(parsed.facts),
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
  if (!completion.event) throw Rejection(text_answer(404, "Event not found."));
  const Event& event = *completion.event;
  if (completion.outcome == EventStore::Outcome::other_content) {
    logger.info("rejected an upload to {}: other content", event.graceid);
    return json_answer(409, {{"error", conflict_text(event)}});
  }
  if (completion.outcome == EventStore::Outcome::already_done) {
    logger.info("{} is already complete with the same content", event.graceid);
    return created_answer(200, event, api, {{"warnings", json::array()}, {"already_complete", true}});
  }
  logger.info("completed {}", event.graceid);
  return created_answer(201, event, api, {{"warnings", warnings}})
      .with_header("Location", event_url(event, api));
}

constexpr std::int64_t default_page_size = 100;
constexpr std::int64_t max_page_size = 1000;

std::int64_t number_field(const Request& request, const char* name, std::int64_t default_value,
                          std::int64_t minimum) {
  const auto text = request.query_field(name);
  if (!text) return default_value;
  std::int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < minimum) {
    throw Rejection(json_answer(400, {{"error", std::string("Invalid ") + name}}));
  }
  return value;
}

/// The links between the pages of one list.
class Pages {
 public:
  Pages(const Request& request, std::int64_t count, std::int64_t total)
      : url_(request.api + "events/?"), count_(count), total_(total) {
    for (const auto& [name, value] : request.query) {
      if (name == "start" || name == "count") continue;
      url_ += percent_encode(name) + "=" + percent_encode(value) + "&";
    }
  }

  json links(std::int64_t start) const {
    const std::int64_t last = total_ == 0 ? 0 : (total_ - 1) / count_ * count_;
    return {{"self", at(start)},
            {"first", at(0)},
            {"last", at(last)},
            {"next", start + count_ < total_ ? json(at(start + count_)) : json(nullptr)},
            {"previous", start > 0 ? json(at(std::max<std::int64_t>(0, start - count_))) : json(nullptr)}};
  }

 private:
  std::string at(std::int64_t start) const {
    return url_ + "start=" + std::to_string(start) + "&count=" + std::to_string(count_);
  }

  std::string url_;
  std::int64_t count_;
  std::int64_t total_;
};

EventFilter filter_of(const Request& request) {
  try {
    EventFilter filter = parse_event_query(request.query_field("query").value_or(""), now());
    if (const auto sort = request.query_field("sort")) filter.order = parse_event_order(*sort);
    return filter;
  } catch (const InvalidQuery& error) {
    throw Rejection(json_answer(400, {{"error", "Invalid query"}, {"message", error.what()}}));
  }
}

/// The handlers of the event routes.
class EventHandlers {
 public:
  EventHandlers(EventStore& store, PublishAlert publish, std::string instance_name)
      : store_(store), publish_(std::move(publish)), instance_name_(std::move(instance_name)) {}

  Answer reserve(const Request& request) const;
  Answer upload(const Request& request) const;
  Answer create(const Request& request) const;
  Answer replace(const Request& request) const;
  Answer show(const Request& request) const;
  Answer list(const Request& request) const;

 private:
  EventStore::MakeAlert alert_maker(const Request& request, std::string_view type, bool is_readable) const;
  void publish(const EventStore::Completion& completion) const;

  EventStore& store_;
  PublishAlert publish_;
  std::string instance_name_;
};

EventStore::MakeAlert EventHandlers::alert_maker(const Request& request, std::string_view type,
                                                 bool is_readable) const {
  return [this, &request, type, is_readable](const Event& event) -> std::optional<Alert> {
    if (!is_readable) return {};
    return make_alert(event, type, instance_name_, request.api);
  };
}

void EventHandlers::publish(const EventStore::Completion& completion) const {
  if (completion.alert) publish_(*completion.alert);
}

Answer EventHandlers::reserve(const Request& request) const {
  FormReader form(request);
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

Answer EventHandlers::upload(const Request& request) const {
  const std::string& graceid = request.path_fields.at("graceid");
  FormReader form(request);
  const UploadedFile& file = form.file("eventFile");
  auto labels = form.labels();
  if (const auto named = request.field("graceid"); named && *named != graceid) {
    form.add("graceid: '" + *named + "' is not the event of this URL.");
  }
  form.finish();
  const auto reservation = store_.find(graceid);
  if (!reservation) throw Rejection(text_answer(404, "Event not found."));

  ParsedFile parsed = parse_with_warnings(reservation->submission.pipeline, file);
  EventUpload upload = to_upload(file, parsed, std::move(labels));
  upload.kafka_server = request.field("kafka_server");
  upload.kafka_topic = request.field("kafka_topic");
  const auto completion = store_.complete(graceid, upload, alert_maker(request, "new", parsed.is_readable));
  publish(completion);
  return answer_to_upload(completion, request.api, parsed.warnings);
}

Answer EventHandlers::create(const Request& request) const {
  FormReader form(request);
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

  ParsedFile parsed = parse_with_warnings(submission.pipeline, file);
  if (const auto instruments = request.field("instruments")) parsed.facts.instruments = instruments;
  if (submission.replay_id && !is_replay_id(*submission.replay_id)) {
    parsed.warnings.push_back("malformed replay_id '" + *submission.replay_id + "' was dropped");
    submission.replay_id.reset();
  }
  const EventUpload upload = to_upload(file, parsed, std::move(labels));
  const auto completion = store_.create(submission, upload, alert_maker(request, "new", parsed.is_readable));
  publish(completion);
  logger.info("created {}", completion.event->graceid);
  return created_answer(201, *completion.event, request.api, {{"warnings", parsed.warnings}})
      .with_header("Location", event_url(*completion.event, request.api));
}

Answer EventHandlers::replace(const Request& request) const {
  const Event event = event_of(request, store_);
  if (event.submission.submitter != request.user) {
    throw Rejection(text_answer(403, "You do not have permission to modify this event."));
  }
  FormReader form(request);
  const UploadedFile& file = form.file("eventFile");
  form.finish();
  ParsedFile parsed = parse_with_warnings(event.submission.pipeline, file);
  const EventUpload upload = to_upload(file, parsed, {});
  publish(store_.replace(event.graceid, upload, *request.user,
                         alert_maker(request, "update", parsed.is_readable)));
  return empty_answer(202);
}

Answer EventHandlers::show(const Request& request) const {
  return json_text_answer(200, event_text(event_of(request, store_), request.api));
}

Answer EventHandlers::list(const Request& request) const {
  const std::int64_t start = number_field(request, "start", 0, 0);
  const std::int64_t count = std::min(number_field(request, "count", default_page_size, 1), max_page_size);
  const EventPage page = store_.list(filter_of(request), start, count);
  std::vector<std::string> events;
  for (const Event& event : page.events)
    events.push_back(event_text(event, request.api));
  return json_text_answer(
      200, fmt::format(R"({{"numRows":{},"events":[{}],"links":{}}})", page.total, fmt::join(events, ","),
                       dump_json(Pages(request, count, page.total).links(start))));
}

}  // namespace

void add_event_routes(Router& router, EventStore& store, PublishAlert publish, std::string instance_name) {
  const auto handlers = std::make_shared<EventHandlers>(store, std::move(publish), std::move(instance_name));
  const auto add = [&](const char* method, const char* pattern,
                       Answer (EventHandlers::*handler)(const Request&) const) -> Route& {
    return router.add(method, pattern,
                      [handlers, handler](const Request& request) { return (*handlers.*handler)(request); });
  };
  add("POST", "events/reserve", &EventHandlers::reserve).operation = Operation::reserve;
  add("POST", "events/{graceid}/upload", &EventHandlers::upload).operation = Operation::upload;
  add("POST", "events", &EventHandlers::create).operation = Operation::create;
  add("GET", "events", &EventHandlers::list);
  add("GET", "events/{graceid}", &EventHandlers::show);
  add("PUT", "events/{graceid}", &EventHandlers::replace);
}

}  // namespace gracedb::sandbox
