#include "sandbox/annotation_endpoints.hpp"
#include "sandbox/catalog.hpp"
#include "sandbox/event_endpoints.hpp"
#include "sandbox/event_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

void require_free_label(const std::string& label) {
  if (!is_label(label)) throw Refusal(text_answer(400, "Label '" + label + "' does not exist."));
  if (is_protected_label(label)) {
    throw Refusal(text_answer(400, "Label '" + label + "' stands for a signoff and cannot be set by hand."));
  }
}

Answer list_labels(const Request& request, const EventStore& store) {
  const Event event = event_of(request, store);
  json labels = json::array();
  for (const Label& label : store.labels(event))
    labels.push_back(label_json(event, label, request.api));
  const std::string self = event_url(event, request.api);
  return json_answer(200, {{"labels", std::move(labels)},
                           {"links", json::array({{{"self", self + "/labels/"}, {"event", self}}})}});
}

Answer show_label(const Request& request, const EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& name = request.path_fields.at("label");
  const auto labels = store.labels(event);
  const auto found =
      std::find_if(labels.begin(), labels.end(), [&name](const Label& label) { return label.name == name; });
  if (found == labels.end()) throw Refusal(text_answer(404, "No such label."));
  return json_answer(200, label_json(event, *found, request.api));
}

Answer put_label(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const bool is_new = attach_label(store, event, request.path_fields.at("label"), request.user.value());
  // v1 answers a string that holds JSON.
  return json_answer(is_new ? 201 : 200, request.is_v1 ? json("{}") : json::object());
}

Answer delete_label(const Request& request, EventStore& store) {
  const Event event = event_of(request, store);
  const std::string& label = request.path_fields.at("label");
  require_free_label(label);
  if (!store.remove_label(event, label)) {
    throw Refusal(text_answer(404, "Label '" + label + "' is not applied to " + event.graceid + "."));
  }
  return empty_answer(204);
}

}  // namespace

bool attach_label(EventStore& store, const Event& event, const std::string& label,
                  const std::string& creator) {
  require_free_label(label);
  return store.add_label(event, label, creator);
}

void add_label_routes(Router& router, EventStore& store) {
  router.add("GET", "events/{graceid}/labels",
             [&store](const Request& request) { return list_labels(request, store); });
  router.add("GET", "events/{graceid}/labels/{label}",
             [&store](const Request& request) { return show_label(request, store); });
  router.add("PUT", "events/{graceid}/labels/{label}",
             [&store](const Request& request) { return put_label(request, store); });
  router.add("DELETE", "events/{graceid}/labels/{label}",
             [&store](const Request& request) { return delete_label(request, store); });
}

}  // namespace gracedb::sandbox
