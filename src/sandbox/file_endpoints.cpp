#include "sandbox/annotation_endpoints.hpp"
#include "sandbox/event_endpoints.hpp"
#include "sandbox/event_json.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

struct VersionedName {
  std::string name;
  std::optional<std::int64_t> version;
};

/// "coinc.xml,1" is version 1 of coinc.xml; a comma before anything but a number belongs to the name.
VersionedName parse_versioned_name(const std::string& text) {
  const std::size_t comma = text.rfind(',');
  if (comma == std::string::npos || comma + 1 == text.size()) return {text, {}};
  std::int64_t version = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + comma + 1, end, version);
  if (error != std::errc() || stop != end) return {text, {}};
  return {text.substr(0, comma), version};
}

/// Every name that a file can be asked for by: "name", "name,0", "name,1", …
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

Answer list_files(const Request& request, const EventStore& store) {
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

Answer show_file(const Request& request, const EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& asked = request.path_fields.at("filename");
  const VersionedName wanted = parse_versioned_name(asked);
  auto contents = store.file(event, wanted.name, wanted.version);
  if (!contents) throw Refusal(text_answer(404, "File " + asked + " not found"));
  return file_answer(*std::move(contents));
}

Answer put_file(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const auto upload = request.files.find("upload");
  if (upload == request.files.end())
    throw Refusal(json_answer(400, {{"error", "No file in the field 'upload'"}}));
  const std::string& name = request.path_fields.at("filename");
  const std::int64_t version = store.add_file(event, name, upload->second.contents);
  const std::string permalink = file_url(event, request.api, name + "," + std::to_string(version));
  return json_answer(201, {{"permalink", permalink}});
}

}  // namespace

void add_file_routes(Router& router, EventStore& store) {
  router.add("GET", "events/{graceid}/files",
             [&store](const Request& request) { return list_files(request, store); });
  router.add("GET", "events/{graceid}/files/{filename}",
             [&store](const Request& request) { return show_file(request, store); });
  router.add("PUT", "events/{graceid}/files/{filename}",
             [&store](const Request& request) { return put_file(request, store); });
}

}  // namespace gracedb::sandbox
