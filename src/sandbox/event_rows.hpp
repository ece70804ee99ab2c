#pragma once

#include "sandbox/event_store.hpp"

/// The rows behind an event, read and written within a transaction of the caller.
namespace gracedb::sandbox::rows {

/// The columns of an event in the order of read_event().
#define GRACEDB_EVENT_COLUMNS                                                                       \
  "number, prefix, state, \"group\", pipeline, search, submitter, content_id, replay_id, offline, " \
  "reserved, "                                                                                      \
  "created, gpstime, far, instruments, nevents, likelihood, extra_attributes, sha256, file_name, "  \
  "upload_count, kafka_server, kafka_topic"

/// The event in the query's present row, without its labels.
Event read_event(Query& query);
std::vector<std::string> read_label_names(Connection& connection, std::int64_t event);
std::optional<Event> find_event(Connection& connection, std::string_view event_id);

/// Runs a statement with RETURNING to its end, which is when SQLite has carried it out.
/// @return true if it changed a row
bool changed_a_row(Query& query);

/// @return the version the file was given
std::int64_t insert_file(Connection& connection, std::int64_t event, std::string_view name,
                         std::string_view contents);
bool insert_label(Connection& connection, std::int64_t event, std::string_view label,
                  std::string_view creator);
LogEntry insert_log(Connection& connection, std::int64_t event, const NewLogEntry& entry);
void insert_alert(Connection& connection, const Alert& alert);

}  // namespace gracedb::sandbox::rows
