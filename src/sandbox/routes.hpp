#pragma once

#include "sandbox/api.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Shared by the implementation files of Api: routes, and the JSON of events.
namespace gracedb::sandbox {

struct Route {
  std::string method;
  /// Segments; "{name}" matches any one segment.
  std::vector<std::string> pattern;
  std::function<Answer(const Request&)> handler;
  Operation operation = Operation::other;
  bool open_to_anonymous = false;
};

class Router {
 public:
  /// @param pattern  for example "events/{graceid}/log"
  Route& add(std::string method, std::string_view pattern, std::function<Answer(const Request&)> handler);

  /// The route of a path; sets `request.path_fields`.
  /// @throws Rejection  404 for an unknown path, 405 if the path has no such method
  const Route& find(Request& request) const;

 private:
  std::vector<Route> routes_;
};

/// Reservation, upload, creation, replacement, display and list of events. The references must outlive
/// `router`.
void add_event_routes(Router& router, EventStore& store, PublishAlert publish, std::string instance_name);

/// Files, labels, log entries and tags of events; 410 for what GraceDB has removed: VOEvents and EM
/// observations of events, updates of GRB events.
void add_annotation_routes(Router& router, EventStore& store);

/// The complete event of the request's path.
/// @throws Rejection  404
Event event_of(const Request& request, const EventStore& store);

// In these functions `api` is the root of the requested API version, for example
// "http://localhost:8080/api/v2/": all links begin with it.

std::string event_url(const Event& event, std::string_view api);
std::string file_url(const Event& event, std::string_view api, std::string_view file_name);

/// @param more  an object with additional members
std::string event_text(const Event& event, std::string_view api,
                       const nlohmann::json& more = nlohmann::json::object());

/// The igwn-alert record of an event, for the topic "<instance>.<group>_<pipeline>" in lower case.
/// @param alert_type  "new" or "update"
Alert make_alert(const Event& event, std::string_view alert_type, std::string_view instance_name,
                 std::string_view api);

}  // namespace gracedb::sandbox
