#include "sandbox/annotation_endpoints.hpp"
#include "sandbox/event_endpoints.hpp"
#include "sandbox/event_json.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

Answer list_log(const Request& request, const EventStore& store) {
  const Event event = event_of(request, store);
  json entries = json::array();
  for (const LogEntry& entry : store.log(event))
    entries.push_back(log_json(event, entry, request.api));
  const std::string self = event_url(event, request.api) + "/log/";
  json document = {{"start", 0},
                   {"numRows", entries.size()},
                   {"links", {{"self", self}, {"first", self}, {"last", self}}}};
  document[request.is_v1 ? "log" : "logs"] = std::move(entries);
  return json_answer(200, document);
}

LogEntry log_entry_of(const Request& request, const EventStore& store, const Event& event) {
  const std::string& text = request.path_fields.at("N");
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  auto entries = store.log(event);
  if (number == 0 || number > entries.size()) throw Refusal(text_answer(404, "Log message not found."));
  return std::move(entries[number - 1]);
}

Answer show_log_entry(const Request& request, const EventStore& store) {
  const Event event = event_of(request, store);
  return json_answer(200, log_json(event, log_entry_of(request, store, event), request.api));
}

Answer add_log_entry(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  NewLogEntry entry{.comment = request.field("comment").value_or(""),
                    .issuer = request.user.value(),
                    .tags = request.fields("tagname"),
                    .file_name = {},
                    .contents = {}};
  if (const auto upload = request.files.find("upload"); upload != request.files.end()) {
    entry.file_name = upload->second.name;
    entry.contents = upload->second.contents;
  }
  if (const auto label = request.field("label")) attach_label(store, event, *label, entry.issuer);
  const json document = log_json(event, store.add_log(event, entry), request.api);
  return json_answer(201, document).with_header("Location", document["self"].get<std::string>());
}

Answer list_tags(const Request& request, const EventStore& store) {
  const Event event = event_of(request, store);
  return json_answer(200, {{"tags", log_entry_of(request, store, event).tags}});
}

Answer put_tag(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& tag = request.path_fields.at("tag_name");
  if (!store.add_tag(event, log_entry_of(request, store, event).number, tag)) {
    return text_answer(409, "Log already has tag " + tag);
  }
  return json_answer(201, "Tag created.");
}

Answer delete_tag(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  if (!store.remove_tag(event, log_entry_of(request, store, event).number,
                        request.path_fields.at("tag_name"))) {
    return text_answer(404, "Tag not found.");
  }
  return empty_answer(204);
}

Answer gone(const Request& /*request*/) {
  return json_answer(410, {{"detail", "This functionality has been deprecated."}});
}

}  // namespace

void add_log_routes(Router& router, EventStore& store) {
  router.add("GET", "events/{graceid}/log",
             [&store](const Request& request) { return list_log(request, store); });
  router.add("POST", "events/{graceid}/log",
             [&store](const Request& request) { return add_log_entry(request, store); });
  router.add("GET", "events/{graceid}/log/{N}",
             [&store](const Request& request) { return show_log_entry(request, store); });
  router.add("GET", "events/{graceid}/log/{N}/tag",
             [&store](const Request& request) { return list_tags(request, store); });
  router.add("PUT", "events/{graceid}/log/{N}/tag/{tag_name}",
             [&store](const Request& request) { return put_tag(request, store); });
  router.add("DELETE", "events/{graceid}/log/{N}/tag/{tag_name}",
             [&store](const Request& request) { return delete_tag(request, store); });
}

void add_retired_routes(Router& router) {
  for (const char* pattern :
       {"events/{graceid}/voevent", "events/{graceid}/emobservation", "events/{graceid}/embb"}) {
    router.add("GET", pattern, gone);
    router.add("POST", pattern, gone);
  }
  router.add("PATCH", "events/{graceid}/update-grbevent", gone);
}

}  // namespace gracedb::sandbox
