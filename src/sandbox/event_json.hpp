#pragma once

#include "sandbox/event.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

/// Events, labels and log entries as GraceDB shows them. `api` is the root of the API version that was asked
/// for, e.g. "http://localhost:8080/api/v2/": all links begin with it.
namespace gracedb::sandbox {

/// "2026-11-22 03:04:05 UTC"
std::string show_time(TimePoint time);

/// @param more  an object, whose members are shown as well
std::string event_text(const Event& event, std::string_view api,
                       const nlohmann::json& more = nlohmann::json::object());
nlohmann::json label_json(const Event& event, const Label& label, std::string_view api);
nlohmann::json log_json(const Event& event, const LogEntry& entry, std::string_view api);

std::string event_url(const Event& event, std::string_view api);
std::string file_url(const Event& event, std::string_view api, std::string_view file_name);

/// The igwn-alert record of an event: topic "<instance>.<group>_<pipeline>" in lower case.
/// @param alert_type  "new" or "update"
Alert make_alert(const Event& event, std::string_view alert_type, std::string_view instance_name,
                 std::string_view api);

}  // namespace gracedb::sandbox
