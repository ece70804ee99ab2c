#include "gracedb-kafka/upload_report.hpp"

#include "core/duration.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gracedb::cli {
namespace {

using nlohmann::ordered_json;

std::string row(std::string_view name, std::string_view text) {
  return fmt::format("  {:<12} {}\n", name, text);
}

std::string_view name_of(rest::EventRoute route) {
  switch (route) {
    case rest::EventRoute::kafka:
      return "kafka";
    case rest::EventRoute::http_completion:
      return "http_completion";
    case rest::EventRoute::http:
      return "http";
  }
  return "?";
}

std::string text_of(const nlohmann::json& event, const char* key) {
  const auto found = event.find(key);
  if (found == event.end() || found->is_null()) return {};
  return printable_line(found->is_string() ? found->get<std::string>() : found->dump());
}

// "Test gstlal AllSky, gpstime 971609248.151741, far 3.27e-07, instruments H1,L1"
std::string summary(const nlohmann::json& event) {
  std::string text;
  for (const char* key : {"group", "pipeline", "search"}) {
    const std::string word = text_of(event, key);
    if (!word.empty()) text += (text.empty() ? "" : " ") + word;
  }
  for (const char* key : {"gpstime", "far", "instruments"}) {
    const std::string value = text_of(event, key);
    if (!value.empty()) text += fmt::format(", {} {}", key, value);
  }
  return text;
}

std::string link_of(const nlohmann::json& event) {
  const auto links = event.find("links");
  if (links == event.end() || !links->is_object()) return {};
  return text_of(*links, "self");
}

}  // namespace

std::string upload_id(const rest::CreatedEvent& created) {
  return created.graceid.value_or(created.content_id);
}

std::string upload_text(const rest::CreatedEvent& created, const UploadTimes& times,
                        const programs::Style& style) {
  std::string text = style.bold(printable_line(upload_id(created))) + "\n";
  text += row("content id", created.content_id);
  if (times.connect) text += row("connected", fmt::format("in {}", format_duration(*times.connect)));
  if (created.graceid && created.route != rest::EventRoute::http) {
    text += row("reserved", fmt::format("{} in {}", printable_line(*created.graceid),
                                        format_duration(created.reservation_time)));
  }
  if (created.delivery) {
    text += row("confirmed",
                fmt::format("{}[{}] @ {} in {}", created.delivery->topic, created.delivery->partition,
                            created.delivery->offset, format_duration(created.delivery_time)));
  } else {
    const bool completed = created.route == rest::EventRoute::http_completion;
    text += row("uploaded", fmt::format("over HTTP{} in {}",
                                        completed ? " under the reserved graceid, as Kafka failed," : "",
                                        format_duration(times.total)));
  }
  return text;
}

std::string completion_text(const nlohmann::json& event, const UploadTimes& times) {
  std::string text;
  if (times.completion) {
    text += row("complete", fmt::format("in GraceDB after {}, {} since the start",
                                        format_duration(*times.completion), format_duration(times.total)));
  }
  text += row("event", summary(event));
  if (const std::string link = link_of(event); !link.empty()) text += row("", link);
  return text;
}

std::string upload_json(const rest::CreatedEvent& created, const UploadTimes& times,
                        const nlohmann::json& event) {
  ordered_json json{
      {"graceid", nullptr}, {"content_id", created.content_id}, {"route", name_of(created.route)}};
  if (created.graceid) json["graceid"] = *created.graceid;
  auto seconds = ordered_json::object();
  if (times.connect) seconds["connect"] = to_seconds(*times.connect);
  if (created.graceid && created.route != rest::EventRoute::http) {
    seconds["reservation"] = to_seconds(created.reservation_time);
  }
  if (created.delivery) {
    json["topic"] = created.delivery->topic;
    json["partition"] = created.delivery->partition;
    json["offset"] = created.delivery->offset;
    seconds["delivery"] = to_seconds(created.delivery_time);
  }
  if (times.completion) seconds["completion"] = to_seconds(*times.completion);
  seconds["total"] = to_seconds(times.total);
  json["seconds"] = std::move(seconds);
  if (times.waited) json["complete"] = times.completion.has_value();
  if (!event.is_null()) json["event"] = event;
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace gracedb::cli
