#include "core/duration.hpp"
#include "core/url.hpp"
#include "sandbox/routes.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

json label_json(const Event& event, const Label& label, std::string_view api) {
  return {{"name", label.name},
          {"creator", label.creator},
          {"created", format_utc(label.created)},
          {"self", event_url(event, api) + "/labels/" + percent_encode(label.name)}};
}

json log_json(const Event& event, const LogEntry& entry, std::string_view api) {
  const std::string self = event_url(event, api) + "/log/" + std::to_string(entry.number);
  json document = {{"N", entry.number},
                   {"comment", entry.comment},
                   {"created", format_utc(entry.created)},
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

struct VersionedName {
  std::string name;
  std::optional<std::int64_t> version;
};

/// "coinc.xml,1" is version 1 of coinc.xml; a comma that no number follows belongs to the name.
VersionedName parse_versioned_name(const std::string& text) {
  const std::size_t comma = text.rfind(',');
  if (comma == std::string::npos || comma + 1 == text.size()) return {text, {}};
  std::int64_t version = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + comma + 1, end, version);
  if (error != std::errc() || stop != end) return {text, {}};
  return {text.substr(0, comma), version};
}

/// All names of the files: "name", "name,0", "name,1", …
std::vector<std::string> all_names(const std::vector<StoredFile>& files) {
  std::vector<std::string> names;
  for (const StoredFile& file : files) {
    names.push_back(file.name);
    for (std::int64_t version = 0; version < file.versions; ++version) {
      names.push_back(file.name + "," + std::to_string(version));
    }
  }
  return names;
}

Answer list_files(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  json by_name = json::object();
  json in_order = json::array();
  for (const std::string& name : all_names(store.files(event))) {
    const std::string url = file_url(event, request.api, name);
    by_name[name] = url;
    in_order.push_back({{"filename", name}, {"file", url}});
  }
  if (request.is_v1) return json_answer(200, by_name);
  const std::string self = event_url(event, request.api) + "/files/";
  return json_answer(200, {{"files", std::move(in_order)},
                           {"links", {{"self", self}, {"event", event_url(event, request.api)}}}});
}

Answer show_file(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& requested = request.path_fields.at("filename");
  const VersionedName wanted = parse_versioned_name(requested);
  auto contents = store.file(event, wanted.name, wanted.version);
  if (!contents) throw Rejection(text_answer(404, "File " + requested + " not found"));
  return file_answer(*std::move(contents));
}

Answer put_file(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const auto upload = request.files.find("upload");
  if (upload == request.files.end())
    throw Rejection(json_answer(400, {{"error", "No file in the field 'upload'"}}));
  const std::string& name = request.path_fields.at("filename");
  const std::int64_t version = store.add_file(event, name, upload->second.contents);
  const std::string permalink = file_url(event, request.api, name + "," + std::to_string(version));
  return json_answer(201, {{"permalink", permalink}});
}

void require_settable_label(const std::string& label) {
  if (!is_label(label)) throw Rejection(text_answer(400, "Label '" + label + "' does not exist."));
  if (is_protected_label(label)) {
    throw Rejection(
        text_answer(400, "Label '" + label + "' represents a signoff and cannot be set by hand."));
  }
}

/// @return false if the event already has the label
/// @throws Rejection  400 for a label that does not exist or cannot be set by hand
bool attach_label(EventStore& store, const Event& event, const std::string& label,
                  const std::string& creator) {
  require_settable_label(label);
  return store.add_label(event, label, creator);
}

Answer list_labels(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  json labels = json::array();
  for (const Label& label : store.labels(event))
    labels.push_back(label_json(event, label, request.api));
  const std::string self = event_url(event, request.api);
  return json_answer(200, {{"labels", std::move(labels)},
                           {"links", json::array({{{"self", self + "/labels/"}, {"event", self}}})}});
}

Answer show_label(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& name = request.path_fields.at("label");
  const auto labels = store.labels(event);
  const auto found =
      std::find_if(labels.begin(), labels.end(), [&name](const Label& label) { return label.name == name; });
  if (found == labels.end()) throw Rejection(text_answer(404, "No such label."));
  return json_answer(200, label_json(event, *found, request.api));
}

Answer put_label(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const bool is_new = attach_label(store, event, request.path_fields.at("label"), request.user.value());
  // The answer of v1 is a string that contains JSON.
  return json_answer(is_new ? 201 : 200, request.is_v1 ? json("{}") : json::object());
}

Answer delete_label(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& label = request.path_fields.at("label");
  require_settable_label(label);
  if (!store.remove_label(event, label)) {
    throw Rejection(text_answer(404, "Label '" + label + "' is not applied to " + event.graceid + "."));
  }
  return empty_answer(204);
}

Answer list_log(const Request& request, EventStore& store) {
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
  if (number == 0 || number > entries.size()) throw Rejection(text_answer(404, "Log message not found."));
  return std::move(entries[number - 1]);
}

Answer show_log_entry(const Request& request, EventStore& store) {
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

Answer list_tags(const Request& request, EventStore& store) {
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

using Handler = Answer (*)(const Request&, EventStore&);

struct AnnotationRoute {
  const char* method;
  const char* pattern;
  Handler handler;
};

Answer removed(const Request& /*request*/, EventStore& /*store*/) {
  return json_answer(410, {{"detail", "This functionality has been deprecated."}});
}

constexpr AnnotationRoute routes[] = {
    {"GET", "events/{graceid}/files", list_files},
    {"GET", "events/{graceid}/files/{filename}", show_file},
    {"PUT", "events/{graceid}/files/{filename}", put_file},
    {"GET", "events/{graceid}/labels", list_labels},
    {"GET", "events/{graceid}/labels/{label}", show_label},
    {"PUT", "events/{graceid}/labels/{label}", put_label},
    {"DELETE", "events/{graceid}/labels/{label}", delete_label},
    {"GET", "events/{graceid}/log", list_log},
    {"POST", "events/{graceid}/log", add_log_entry},
    {"GET", "events/{graceid}/log/{N}", show_log_entry},
    {"GET", "events/{graceid}/log/{N}/tag", list_tags},
    {"PUT", "events/{graceid}/log/{N}/tag/{tag_name}", put_tag},
    {"DELETE", "events/{graceid}/log/{N}/tag/{tag_name}", delete_tag},
    {"GET", "events/{graceid}/voevent", removed},
    {"POST", "events/{graceid}/voevent", removed},
    {"GET", "events/{graceid}/emobservation", removed},
    {"POST", "events/{graceid}/emobservation", removed},
    {"GET", "events/{graceid}/embb", removed},
    {"POST", "events/{graceid}/embb", removed},
    {"PATCH", "events/{graceid}/update-grbevent", removed},
};

}  // namespace

void add_annotation_routes(Router& router, EventStore& store) {
  for (const AnnotationRoute& route : routes) {
    router.add(route.method, route.pattern,
               [&store, handler = route.handler](const Request& request) { return handler(request, store); });
  }
}

}  // namespace gracedb::sandbox
