#pragma once

#include "supervisor/history.hpp"
#include "supervisor/monitor.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gracedb::supervisor {

/// Who the supervisor is and what it works with; does not change while it runs.
struct Identity {
  std::string instance_name = {};
  std::string group_id = {};
  std::string service_url = {};
  std::string bootstrap_servers = {};
  std::string dead_letters = {};  ///< where dead letters go
  std::size_t max_in_flight = 0;
  std::size_t max_in_flight_bytes = 0;
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

/// What the status page shows, without the events: checks, counts, lag.
nlohmann::json status_document(const Identity& identity, const Monitor& monitor, bool is_alive);

/// The events as the status page shows them. Nothing of their contents is in it.
nlohmann::json events_document(const std::vector<PastEvent>& events);

/// "ready; 3 in flight, lag 12; 1203 uploaded, 2 dead letters", for systemctl status.
std::string status_line(const Monitor& monitor);

/// Compact JSON; bytes that are not UTF-8 are replaced.
std::string to_text(const nlohmann::json& document);

}  // namespace gracedb::supervisor
