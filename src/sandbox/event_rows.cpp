#include "sandbox/event_rows.hpp"

#include "sandbox/graceid.hpp"

#include <variant>

namespace gracedb::sandbox::rows {

Event read_event(Query& query) {
  Event event;
  std::string prefix;
  std::int64_t state = 0;
  Submission& submission = event.submission;
  query >> event.number >> prefix >> state >> submission.group >> submission.pipeline >> submission.search >>
      submission.submitter >> submission.content_id >> submission.replay_id >> submission.offline >>
      event.reserved >> event.created;
  EventFacts& facts = event.facts;
  query >> facts.gpstime >> facts.far >> facts.instruments >> facts.nevents >> facts.likelihood >>
      facts.extra_attributes;
  query >> event.sha256 >> event.file_name >> event.upload_count >> event.kafka_server >> event.kafka_topic;
  event.state = static_cast<EventState>(state);
  event.graceid = format_graceid(prefix.at(0), event.number);
  return event;
}

std::vector<std::string> read_label_names(Connection& connection, std::int64_t event) {
  std::vector<std::string> names;
  auto query = connection.query("SELECT name FROM labels WHERE event = ? ORDER BY created, rowid");
  query << event;
  while (query.next())
    query >> names.emplace_back();
  return names;
}

namespace {

std::optional<Event> first_event(Query& query) {
  if (!query.next()) return {};
  return read_event(query);
}

std::optional<Event> find_by(Connection& connection, const Graceid& graceid) {
  auto query = connection.query("SELECT " GRACEDB_EVENT_COLUMNS " FROM events WHERE number = ?");
  query << graceid.number;
  auto event = first_event(query);
  if (event && !graceid.names(event->graceid.front())) event.reset();
  return event;
}

std::optional<Event> find_by(Connection& connection, const ContentId& content_id) {
  auto query = connection.query("SELECT " GRACEDB_EVENT_COLUMNS
                                " FROM events WHERE content_id = ? ORDER BY state DESC, number LIMIT 1");
  query << content_id;
  return first_event(query);
}

}  // namespace

std::optional<Event> find_event(Connection& connection, std::string_view event_id) {
  const auto id = parse_event_id(event_id);
  if (!id) return {};
  auto event = std::visit([&](const auto& known) { return find_by(connection, known); }, *id);
  if (event) event->labels = read_label_names(connection, event->number);
  return event;
}

bool changed_a_row(Query& query) {
  const bool changed = query.next();
  while (changed && query.next()) {
  }
  return changed;
}

std::int64_t insert_file(Connection& connection, std::int64_t event, std::string_view name,
                         std::string_view contents) {
  std::int64_t version = 0;
  {
    auto query = connection.query("SELECT count(*) FROM files WHERE event = ? AND name = ?");
    query << event << name;
    query.next();
    query >> version;
  }
  auto insert = connection.query("INSERT INTO files (event, name, version, contents) VALUES (?, ?, ?, ?)");
  insert << event << name << version << Blob{contents};
  insert.run();
  return version;
}

bool insert_label(Connection& connection, std::int64_t event, std::string_view label,
                  std::string_view creator) {
  auto insert = connection.query(
      "INSERT INTO labels (event, name, creator, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING "
      "RETURNING 1");
  insert << event << label << creator << now();
  return changed_a_row(insert);
}

LogEntry insert_log(Connection& connection, std::int64_t event, const NewLogEntry& entry) {
  LogEntry log;
  log.comment = entry.comment;
  log.issuer = entry.issuer;
  log.created = now();
  log.file_name = entry.file_name;
  log.tags = entry.tags;
  if (entry.file_name) log.file_version = insert_file(connection, event, *entry.file_name, entry.contents);
  {
    auto query = connection.query("SELECT count(*) + 1 FROM log WHERE event = ?");
    query << event;
    query.next();
    query >> log.number;
  }
  auto insert = connection.query(
      "INSERT INTO log (event, number, comment, issuer, created, file_name, file_version) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert << event << log.number << log.comment << log.issuer << log.created << log.file_name
         << log.file_version;
  insert.run();
  for (const std::string& tag : entry.tags) {
    auto tag_insert = connection.query("INSERT OR IGNORE INTO tags (event, log, name) VALUES (?, ?, ?)");
    tag_insert << event << log.number << tag;
    tag_insert.run();
  }
  return log;
}

void insert_alert(Connection& connection, const Alert& alert) {
  auto insert = connection.query("INSERT INTO alerts (topic, payload, created) VALUES (?, ?, ?)");
  insert << alert.topic << alert.payload << now();
  insert.run();
}

}  // namespace gracedb::sandbox::rows
