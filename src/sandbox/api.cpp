#include "sandbox/api.hpp"

#include "sandbox/annotation_endpoints.hpp"
#include "sandbox/api_root.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace gracedb::sandbox {
namespace {

constexpr std::string_view server_version = "2.36.0-sandbox";

// Clients of the reference older than 2.0.0 speak a protocol that GraceDB has given up.
bool is_outdated_client(std::string_view user_agent) {
  constexpr std::string_view name = "gracedb-client/";
  if (!user_agent.starts_with(name)) return false;
  int major = 0;
  const std::string_view version = user_agent.substr(name.size());
  const auto error = std::from_chars(version.data(), version.data() + version.size(), major).ec;
  return error == std::errc() && major < 2;
}

nlohmann::json user_info(const std::optional<std::string>& user) {
  if (!user) return {{"username", "AnonymousUser"}};
  return {{"username", *user}, {"first_name", ""},         {"last_name", ""},
          {"email", ""},       {"is_internal_user", true}, {"upload_to_pipeline", nlohmann::json::array()}};
}

}  // namespace

Api::Api(EventStore& store, PublishAlert publish, std::string instance_name)
    : events_(store, std::move(publish), std::move(instance_name)) {
  router_
      .add("GET", "",
           [](const Request& request) { return json_answer(200, api_root(request.api, server_version)); })
      .open_to_anonymous = true;
  router_
      .add("GET", "user-info",
           [](const Request& request) { return json_answer(200, user_info(request.user)); })
      .open_to_anonymous = true;
  add_event_routes();
  add_file_routes(router_, store);
  add_label_routes(router_, store);
  add_log_routes(router_, store);
  add_retired_routes(router_);
}

void Api::add_event_routes() {
  const auto handler = [this](Answer (EventEndpoints::*endpoint)(const Request&) const) {
    return [this, endpoint](const Request& request) { return (events_.*endpoint)(request); };
  };
  router_.add("POST", "events/reserve", handler(&EventEndpoints::reserve)).operation = Operation::reserve;
  router_.add("POST", "events/{graceid}/upload", handler(&EventEndpoints::upload)).operation =
      Operation::upload;
  router_.add("POST", "events", handler(&EventEndpoints::create)).operation = Operation::create;
  router_.add("GET", "events", handler(&EventEndpoints::list));
  router_.add("GET", "events/{graceid}", handler(&EventEndpoints::show));
  router_.add("PUT", "events/{graceid}", handler(&EventEndpoints::replace));
}

const Route& Api::route(Request& request) const {
  std::size_t depth = 1;
  request.api = request.root + "api/";
  if (request.path.size() > 1 && (request.path[1] == "v1" || request.path[1] == "v2")) {
    request.api += request.path[1] + "/";
    request.is_v1 = request.path[1] == "v1";
    depth = 2;
  }
  request.path.erase(request.path.begin(), request.path.begin() + static_cast<std::ptrdiff_t>(depth));
  return router_.find(request);
}

Answer Api::answer(const Route& route, const Request& request) {
  if (request.user_agent.empty()) return text_answer(400, "User-Agent header is required.");
  if (is_outdated_client(request.user_agent)) {
    return text_answer(400, "Your gracedb-client is too old; version 2.0.0 or newer is needed.");
  }
  if (!route.open_to_anonymous && !request.user) {
    return json_answer(403, {{"detail", "Authentication credentials were not provided."}});
  }
  return route.handler(request);
}

}  // namespace gracedb::sandbox
