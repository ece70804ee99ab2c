#include "supervisor/status_document.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gracedb::supervisor {
namespace {

using nlohmann::json;

std::int64_t milliseconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

double milliseconds_of(std::chrono::microseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

json checks_of(const Monitor& monitor) {
  json checks = json::array();
  for (const CheckState& state : monitor.health().checks()) {
    checks.push_back({{"name", name_of(state.check)},
                      {"ok", state.is_ok},
                      {"reason", state.reason},
                      {"since", milliseconds_of(state.since)}});
  }
  return checks;
}

json lag_of(const Picture& picture) {
  json lag = json::array();
  for (const PartitionLag& each : picture.lag) {
    lag.push_back(
        {{"topic", each.partition.topic}, {"partition", each.partition.number}, {"messages", each.messages}});
  }
  return lag;
}

template <typename Key>
json counts_of(const std::map<Key, std::uint64_t>& counts) {
  json document = json::object();
  for (const auto& [key, count] : counts)
    document[std::string(name_of(key))] = count;
  return document;
}

json event_of(const PastEvent& event) {
  const EventRecord& record = event.record;
  json document{{"number", event.number},
                {"time", milliseconds_of(event.time)},
                {"outcome", name_of(record.outcome)},
                {"graceid", nullptr},
                {"topic", record.topic},
                {"partition", record.partition},
                {"offset", record.offset},
                {"attempts", record.attempts},
                {"ms", milliseconds_of(record.duration)},
                {"latency_ms", nullptr},
                {"detail", record.detail}};
  if (!record.graceid.empty()) document["graceid"] = record.graceid;
  if (record.latency) document["latency_ms"] = milliseconds_of(*record.latency);
  if (record.rejection) document["reason"] = name_of(*record.rejection);
  return document;
}

std::uint64_t count_of(const Picture& picture, Outcome outcome) {
  const auto found = picture.settled.find(outcome);
  return found == picture.settled.end() ? 0 : found->second;
}

}  // namespace

json status_document(const Identity& identity, const Monitor& monitor, bool is_alive) {
  const Picture picture = monitor.picture();
  json document{{"instance", identity.instance_name},
                {"group", identity.group_id},
                {"service_url", identity.service_url},
                {"bootstrap_servers", identity.bootstrap_servers},
                {"version", GRACEDB_KAFKA_VERSION},
                {"started", milliseconds_of(identity.started)},
                {"now", milliseconds_of(std::chrono::system_clock::now())},
                {"alive", is_alive},
                {"ready", monitor.health().is_ready()},
                {"checks", checks_of(monitor)},
                {"in_flight", picture.in_flight},
                {"in_flight_bytes", picture.in_flight_bytes},
                {"max_in_flight", identity.max_in_flight},
                {"max_in_flight_bytes", identity.max_in_flight_bytes},
                {"settled", counts_of(picture.settled)},
                {"retries", picture.retries},
                {"dead_letters", counts_of(picture.rejected)},
                {"dead_letters_in", identity.dead_letters},
                {"lag", lag_of(picture)},
                {"token_expiry", nullptr}};
  if (picture.token_expiry) document["token_expiry"] = milliseconds_of(*picture.token_expiry);
  return document;
}

json events_document(const std::vector<PastEvent>& events) {
  json document = json::array();
  for (const PastEvent& event : events)
    document.push_back(event_of(event));
  return document;
}

std::string status_line(const Monitor& monitor) {
  const Picture picture = monitor.picture();
  std::int64_t lag = 0;
  for (const PartitionLag& each : picture.lag)
    lag += each.messages;
  std::string line = fmt::format("{} in flight, lag {}; {} uploaded", picture.in_flight, lag,
                                 count_of(picture, Outcome::uploaded));
  if (const auto dead_letters = count_of(picture, Outcome::dead_letter))
    line += fmt::format(", {} dead letter{}", dead_letters, dead_letters == 1 ? "" : "s");
  std::string readiness = readiness_text(monitor.health().checks(), false);
  readiness.pop_back();  // its line break
  return fmt::format("{}; {}", readiness, line);
}

std::string to_text(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace gracedb::supervisor
