#include "sandbox/own_routes.hpp"

#include "sandbox/event_json.hpp"
#include "sandbox/json_tools.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

double to_unix_time(TimePoint time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

json show(const Event& event) {
  const Submission& submission = event.submission;
  return {{"graceid", event.graceid},
          {"state", event.state == EventState::complete ? "complete" : "reserved"},
          {"group", submission.group},
          {"pipeline", submission.pipeline},
          {"search", or_null(submission.search)},
          {"submitter", submission.submitter},
          {"content_id", or_null(submission.content_id)},
          {"sha256", or_null(event.sha256)},
          {"file_name", or_null(event.file_name)},
          {"upload_count", event.upload_count},
          {"kafka_server", or_null(event.kafka_server)},
          {"kafka_topic", or_null(event.kafka_topic)},
          {"labels", event.labels},
          {"reserved", to_unix_time(event.reserved)},
          {"completed", event.created ? json(to_unix_time(*event.created)) : json(nullptr)}};
}

Answer show_events(const EventStore& store) {
  json events = json::array();
  for (const Event& event : store.everything())
    events.push_back(show(event));
  return json_answer(200, {{"events", std::move(events)}});
}

Answer show_alerts(const EventStore& store) {
  json alerts = json::array();
  for (const auto& kept : store.alerts()) {
    alerts.push_back({{"topic", kept.alert.topic},
                      {"created", to_unix_time(kept.created)},
                      {"payload", json::parse(kept.alert.payload)}});
  }
  return json_answer(200, {{"alerts", std::move(alerts)}});
}

Answer replace_faults(const Request& request, FaultPlan& plan) {
  const json specs = json::parse(request.body, nullptr, false);
  if (!specs.is_array()) return json_answer(400, {{"error", "give a JSON list of fault specs"}});
  std::vector<Fault> faults;
  try {
    for (const json& spec : specs)
      faults.push_back(parse_fault(spec.get<std::string>(), {}));
  } catch (const json::exception&) {
    return json_answer(400, {{"error", "a fault spec is a string"}});
  } catch (const std::invalid_argument& error) {
    return json_answer(400, {{"error", error.what()}});
  }
  plan.replace(std::move(faults));
  return json_answer(200, {{"faults", plan.specs()}});
}

}  // namespace

Router make_own_routes(const EventStore& store, FaultPlan& faults, const std::string& issuer,
                       const std::string& jwks) {
  Router router;
  router.add("GET", "sandbox/health", [](const Request&) { return json_answer(200, {{"status", "ok"}}); });
  router.add("GET", "sandbox/events", [&store](const Request&) { return show_events(store); });
  router.add("GET", "sandbox/alerts", [&store](const Request&) { return show_alerts(store); });
  router.add("GET", "sandbox/faults", [&faults](const Request&) {
    return json_answer(200, {{"faults", faults.specs()}});
  });
  router.add("POST", "sandbox/faults",
             [&faults](const Request& request) { return replace_faults(request, faults); });
  router.add("GET", "sandbox/jwks.json",
             [keys = json::parse(jwks)](const Request&) { return json_answer(200, keys); });
  router.add("GET", ".well-known/openid-configuration", [issuer](const Request& request) {
    return json_answer(200, {{"issuer", issuer}, {"jwks_uri", request.root + "sandbox/jwks.json"}});
  });
  return router;
}

}  // namespace gracedb::sandbox
