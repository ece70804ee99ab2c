#include "sandbox/event_rows.hpp"
#include "sandbox/event_store.hpp"

namespace gracedb::sandbox {

std::vector<StoredFile> EventStore::files(const Event& event) const {
  return database_.read([&](Connection& connection) {
    std::vector<StoredFile> files;
    auto query =
        connection.query("SELECT name, count(*) FROM files WHERE event = ? GROUP BY name ORDER BY name");
    query << event.number;
    while (query.next()) {
      StoredFile& file = files.emplace_back();
      query >> file.name >> file.versions;
    }
    return files;
  });
}

std::optional<std::string> EventStore::file(const Event& event, std::string_view name,
                                            std::optional<std::int64_t> version) const {
  return database_.read([&](Connection& connection) -> std::optional<std::string> {
    auto query = connection.query(
        "SELECT contents FROM files WHERE event = ? AND name = ? AND (?3 IS NULL OR version = ?3) "
        "ORDER BY version DESC LIMIT 1");
    query << event.number << name << version;
    if (!query.next()) return {};
    std::string contents;
    query >> contents;
    return contents;
  });
}

std::int64_t EventStore::add_file(const Event& event, std::string_view name, std::string_view contents) {
  return database_.write(
      [&](Connection& connection) { return rows::insert_file(connection, event.number, name, contents); });
}

std::vector<Label> EventStore::labels(const Event& event) const {
  return database_.read([&](Connection& connection) {
    std::vector<Label> labels;
    auto query =
        connection.query("SELECT name, creator, created FROM labels WHERE event = ? ORDER BY created, rowid");
    query << event.number;
    while (query.next()) {
      Label& label = labels.emplace_back();
      query >> label.name >> label.creator >> label.created;
    }
    return labels;
  });
}

bool EventStore::add_label(const Event& event, std::string_view label, std::string_view creator) {
  return database_.write(
      [&](Connection& connection) { return rows::insert_label(connection, event.number, label, creator); });
}

namespace {

std::vector<std::string> tags_of(Connection& connection, std::int64_t event, std::int64_t log_number) {
  std::vector<std::string> tags;
  auto query = connection.query("SELECT name FROM tags WHERE event = ? AND log = ? ORDER BY rowid");
  query << event << log_number;
  while (query.next())
    query >> tags.emplace_back();
  return tags;
}

}  // namespace

bool EventStore::remove_label(const Event& event, std::string_view label) {
  return database_.write([&](Connection& connection) {
    auto query = connection.query("DELETE FROM labels WHERE event = ? AND name = ? RETURNING 1");
    query << event.number << label;
    return rows::changed_a_row(query);
  });
}

std::vector<LogEntry> EventStore::log(const Event& event) const {
  return database_.read([&](Connection& connection) {
    std::vector<LogEntry> entries;
    auto query = connection.query(
        "SELECT number, comment, issuer, created, file_name, file_version FROM log WHERE event = ? "
        "ORDER BY number");
    query << event.number;
    while (query.next()) {
      LogEntry& entry = entries.emplace_back();
      query >> entry.number >> entry.comment >> entry.issuer >> entry.created >> entry.file_name >>
          entry.file_version;
      entry.tags = tags_of(connection, event.number, entry.number);
    }
    return entries;
  });
}

LogEntry EventStore::add_log(const Event& event, const NewLogEntry& entry) {
  return database_.write(
      [&](Connection& connection) { return rows::insert_log(connection, event.number, entry); });
}

bool EventStore::add_tag(const Event& event, std::int64_t log_number, std::string_view tag) {
  return database_.write([&](Connection& connection) {
    auto query = connection.query(
        "INSERT INTO tags (event, log, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1");
    query << event.number << log_number << tag;
    return rows::changed_a_row(query);
  });
}

bool EventStore::remove_tag(const Event& event, std::int64_t log_number, std::string_view tag) {
  return database_.write([&](Connection& connection) {
    auto query = connection.query("DELETE FROM tags WHERE event = ? AND log = ? AND name = ? RETURNING 1");
    query << event.number << log_number << tag;
    return rows::changed_a_row(query);
  });
}

std::vector<EventStore::KeptAlert> EventStore::alerts() const {
  return database_.read([](Connection& connection) {
    std::vector<KeptAlert> alerts;
    auto query = connection.query("SELECT topic, payload, created FROM alerts ORDER BY number");
    while (query.next()) {
      KeptAlert& kept = alerts.emplace_back();
      query >> kept.alert.topic >> kept.alert.payload >> kept.created;
    }
    return alerts;
  });
}

}  // namespace gracedb::sandbox
