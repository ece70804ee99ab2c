#include "sandbox/event_json.hpp"

#include "core/duration.hpp"
#include "core/text.hpp"
#include "sandbox/gps_time.hpp"
#include "sandbox/http.hpp"
#include "sandbox/json_tools.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

// GraceDB keeps times with six decimals.
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

// All that is shown of an event but its extra attributes, which are JSON text already.
json members_of(const Event& event, std::string_view api) {
  const Submission& submission = event.submission;
  const EventFacts& facts = event.facts;
  return {
      {"submitter", submission.submitter},
      {"created", event.created ? json(show_time(*event.created)) : json(nullptr)},
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

std::string show_time(TimePoint time) { return format_utc(time); }

std::string event_url(const Event& event, std::string_view api) {
  return std::string(api) + "events/" + event.graceid;
}

std::string file_url(const Event& event, std::string_view api, std::string_view file_name) {
  return event_url(event, api) + "/files/" + percent_encode(file_name, ",");
}

std::string event_text(const Event& event, std::string_view api, const json& more) {
  json document = members_of(event, api);
  document.update(more);
  std::string text = dump_json(document);
  text.back() = ',';
  return text.append("\"extra_attributes\":").append(event.facts.extra_attributes) += '}';
}

json label_json(const Event& event, const Label& label, std::string_view api) {
  return {{"name", label.name},
          {"creator", label.creator},
          {"created", show_time(label.created)},
          {"self", event_url(event, api) + "/labels/" + percent_encode(label.name)}};
}

json log_json(const Event& event, const LogEntry& entry, std::string_view api) {
  const std::string self = event_url(event, api) + "/log/" + std::to_string(entry.number);
  json document = {{"N", entry.number},
                   {"comment", entry.comment},
                   {"created", show_time(entry.created)},
                   {"issuer", entry.issuer},
                   {"filename", entry.file_name.value_or("")},
                   {"file_version", or_null(entry.file_version)},
                   {"tag_names", entry.tags},
                   {"self", self},
                   {"tags", self + "/tag/"},
                   {"file", nullptr}};
  if (entry.file_name) {
    const std::string version = "," + std::to_string(entry.file_version.value_or(0));
    document["file"] = file_url(event, api, *entry.file_name + version);
  }
  return document;
}

Alert make_alert(const Event& event, std::string_view alert_type, std::string_view instance_name,
                 std::string_view api) {
  const std::string object = event_text(event, api, {{"superevent_neighbours", json::object()}});
  const Submission& submission = event.submission;
  return {to_lower(fmt::format("{}.{}_{}", instance_name, submission.group, submission.pipeline)),
          fmt::format(R"({{"uid":"{}","alert_type":"{}","data":{},"object":{}}})", event.graceid, alert_type,
                      object, object)};
}

}  // namespace gracedb::sandbox
