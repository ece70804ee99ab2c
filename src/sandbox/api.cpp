#include "sandbox/api.hpp"

#include "core/duration.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "sandbox/routes.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <stdexcept>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

constexpr log::Logger logger{"gracedb.sandbox.http"};

bool is_field(std::string_view segment) { return segment.starts_with('{'); }

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_field(pattern[i]) && pattern[i] != path[i]) return false;
  }
  return true;
}

// GraceDB no longer supports the protocol of ligo-gracedb before 2.0.0.
bool is_outdated_client(std::string_view user_agent) {
  constexpr std::string_view name = "gracedb-client/";
  if (!user_agent.starts_with(name)) return false;
  int major = 0;
  const std::string_view version = user_agent.substr(name.size());
  const auto error = std::from_chars(version.data(), version.data() + version.size(), major).ec;
  return error == std::errc() && major < 2;
}

json user_info(const std::optional<std::string>& user) {
  if (!user) return {{"username", "AnonymousUser"}};
  return {{"username", *user}, {"first_name", ""},         {"last_name", ""},
          {"email", ""},       {"is_internal_user", true}, {"upload_to_pipeline", json::array()}};
}

Answer fault_answer(const Fault& fault) {
  Answer answer = fault.status == 429 ? json_answer(429, {{"detail", "Request was throttled."}})
                                      : text_answer(fault.status, "Fault injected by the sandbox.");
  if (fault.retry_after) answer.with_header("Retry-After", std::to_string(*fault.retry_after));
  return answer;
}

/// Removes "api" and the version from the path and sets the request's API root.
void parse_api_version(Request& request) {
  std::size_t depth = 1;
  request.api = request.root + "api/";
  if (request.path.size() > 1 && (request.path[1] == "v1" || request.path[1] == "v2")) {
    request.api += request.path[1] + "/";
    request.is_v1 = request.path[1] == "v1";
    depth = 2;
  }
  request.path.erase(request.path.begin(), request.path.begin() + static_cast<std::ptrdiff_t>(depth));
}

/// Checks what every API request must satisfy, then calls the route's handler.
Answer answer_checked(const Route& route, const Request& request) {
  if (request.user_agent.empty()) return text_answer(400, "User-Agent header is required.");
  if (is_outdated_client(request.user_agent)) {
    return text_answer(400, "Your gracedb-client is too old; version 2.0.0 or newer is needed.");
  }
  if (!route.open_to_anonymous && !request.user) {
    return json_answer(403, {{"detail", "Authentication credentials were not provided."}});
  }
  return route.handler(request);
}

json state_json(const Event& event) {
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
          {"reserved", to_seconds(event.reserved.time_since_epoch())},
          {"completed", event.created ? json(to_seconds(event.created->time_since_epoch())) : json(nullptr)}};
}

Answer show_events(const EventStore& store) {
  json events = json::array();
  for (const Event& event : store.everything())
    events.push_back(state_json(event));
  return json_answer(200, {{"events", std::move(events)}});
}

Answer show_alerts(const EventStore& store) {
  json alerts = json::array();
  for (const auto& stored : store.alerts()) {
    alerts.push_back({{"topic", stored.alert.topic},
                      {"created", to_seconds(stored.created.time_since_epoch())},
                      {"payload", json::parse(stored.alert.payload)}});
  }
  return json_answer(200, {{"alerts", std::move(alerts)}});
}

Answer replace_faults(const Request& request, FaultPlan& plan) {
  std::vector<Fault> faults;
  try {
    const json specs = parse_json(request.body);
    if (!specs.is_array()) throw std::invalid_argument("give a JSON list of fault specs");
    for (const json& spec : specs) {
      if (!spec.is_string()) throw std::invalid_argument("a fault spec must be a string");
      faults.push_back(parse_fault(spec.get<std::string>(), {}));
    }
  } catch (const std::invalid_argument& error) {
    return json_answer(400, {{"error", error.what()}});
  }
  plan.replace(std::move(faults));
  return json_answer(200, {{"faults", plan.specs()}});
}

void add_sandbox_routes(Router& router, const EventStore& store, FaultPlan& faults, const std::string& issuer,
                        const std::string& jwks) {
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
}

void add_general_routes(Router& router) {
  router.add("GET", "", [](const Request& request) { return json_answer(200, api_root(request.api)); })
      .open_to_anonymous = true;
  router
      .add("GET", "user-info",
           [](const Request& request) { return json_answer(200, user_info(request.user)); })
      .open_to_anonymous = true;
}

}  // namespace

Route& Router::add(std::string method, std::string_view pattern,
                   std::function<Answer(const Request&)> handler) {
  return routes_.emplace_back(Route{std::move(method), parse_path(pattern), std::move(handler)});
}

const Route& Router::find(Request& request) const {
  bool path_exists = false;
  for (const Route& route : routes_) {
    if (!matches(route.pattern, request.path)) continue;
    path_exists = true;
    if (route.method != request.method) continue;
    for (std::size_t i = 0; i < request.path.size(); ++i) {
      const std::string& segment = route.pattern[i];
      if (is_field(segment)) request.path_fields[segment.substr(1, segment.size() - 2)] = request.path[i];
    }
    return route;
  }
  if (!path_exists) throw Rejection(json_answer(404, {{"detail", "Not found."}}));
  throw Rejection(json_answer(405, {{"detail", "Method \"" + request.method + "\" not allowed."}}));
}

Api::Api(EventStore& store, FaultPlan& faults, TokenVerifier* verifier, PublishAlert publish, Options options)
    : faults_(faults),
      verifier_(verifier),
      answer_delay_(options.answer_delay),
      api_routes_(std::make_unique<Router>()),
      sandbox_routes_(std::make_unique<Router>()) {
  add_general_routes(*api_routes_);
  add_event_routes(*api_routes_, store, std::move(publish), std::move(options.instance_name));
  add_annotation_routes(*api_routes_, store);
  add_sandbox_routes(*sandbox_routes_, store, faults, options.issuer, options.jwks);
}

Api::~Api() = default;

Answer Api::answer(Request& request, Exchange& exchange) const {
  const bool is_api = !request.path.empty() && request.path.front() == "api";
  return is_api ? answer_api(request, exchange) : sandbox_routes_->find(request).handler(request);
}

Answer Api::answer_api(Request& request, Exchange& exchange) const {
  parse_api_version(request);
  const Route& route = api_routes_->find(request);
  const auto process = [&] {
    request.user = authenticate(request.authorization);
    return answer_checked(route, request);
  };
  const auto drawn = faults_.draw(route.operation);
  exchange.wait(answer_delay_ + drawn.delay);
  if (!drawn.fault) return process();
  switch (drawn.fault->kind) {
    case Fault::Kind::hang:
      exchange.wait_for_close();
      exchange.close();
      return {};
    case Fault::Kind::hang_up:
      exchange.close();
      return {};
    case Fault::Kind::drop_answer: {
      Answer dropped = process();
      exchange.close();
      return dropped;
    }
    case Fault::Kind::slow:
    case Fault::Kind::status:
      break;
  }
  return fault_answer(*drawn.fault);
}

std::optional<std::string> Api::authenticate(std::string_view authorization) const {
  if (verifier_ == nullptr) return "sandbox";
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() || to_lower(authorization.substr(0, scheme.size())) != scheme) {
    return {};
  }
  auto verdict = verifier_->verify(std::string(authorization.substr(scheme.size())));
  if (!verdict.user) logger.warning("rejected a token: {}", verdict.reason);
  return std::move(verdict.user);
}

}  // namespace gracedb::sandbox
