#include "sandbox/store.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "core/encoding.hpp"
#include "sandbox/database.hpp"

namespace gracedb::sandbox {
namespace {

// Times are microseconds since 1970; `number` is the counter of all graceids.
constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS events (
  number           INTEGER PRIMARY KEY AUTOINCREMENT,
  prefix           TEXT NOT NULL,
  state            INTEGER NOT NULL,
  "group"          TEXT NOT NULL,
  pipeline         TEXT NOT NULL,
  search           TEXT,
  submitter        TEXT NOT NULL,
  content_id       TEXT,
  replay_id        TEXT,
  offline          INTEGER NOT NULL,
  reserved         INTEGER NOT NULL,
  created          INTEGER,
  gpstime          REAL,
  far              REAL,
  instruments      TEXT,
  nevents          INTEGER,
  likelihood       REAL,
  extra_attributes TEXT NOT NULL DEFAULT '{}',
  sha256           TEXT,
  file_name        TEXT,
  upload_count     INTEGER NOT NULL DEFAULT 0,
  kafka_server     TEXT,
  kafka_topic      TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_content ON events (content_id);
CREATE INDEX IF NOT EXISTS events_by_created ON events (created);
CREATE TABLE IF NOT EXISTS files (
  event    INTEGER NOT NULL REFERENCES events (number),
  name     TEXT NOT NULL,
  version  INTEGER NOT NULL,
  contents BLOB NOT NULL,
  PRIMARY KEY (event, name, version)
) STRICT;
CREATE TABLE IF NOT EXISTS labels (
  event   INTEGER NOT NULL REFERENCES events (number),
  name    TEXT NOT NULL,
  creator TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (event, name)
) STRICT;
CREATE TABLE IF NOT EXISTS log (
  event        INTEGER NOT NULL REFERENCES events (number),
  number       INTEGER NOT NULL,
  comment      TEXT NOT NULL,
  issuer       TEXT NOT NULL,
  created      INTEGER NOT NULL,
  file_name    TEXT,
  file_version INTEGER,
  PRIMARY KEY (event, number)
) STRICT;
CREATE TABLE IF NOT EXISTS tags (
  event INTEGER NOT NULL,
  log   INTEGER NOT NULL,
  name  TEXT NOT NULL,
  PRIMARY KEY (event, log, name),
  FOREIGN KEY (event, log) REFERENCES log (event, number)
) STRICT;
CREATE TABLE IF NOT EXISTS alerts (
  number  INTEGER PRIMARY KEY,
  topic   TEXT NOT NULL,
  payload TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;
)sql";

// The columns of an event in the order of read_event().
#define GRACEDB_EVENT_COLUMNS                                                                       \
  "number, prefix, state, \"group\", pipeline, search, submitter, content_id, replay_id, offline, " \
  "reserved, created, gpstime, far, instruments, nevents, likelihood, extra_attributes, sha256, "   \
  "file_name, upload_count, kafka_server, kafka_topic"

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

std::optional<Event> read_first_event(Query& query) {
  if (!query.next()) return {};
  return read_event(query);
}

std::optional<Event> find_by(Connection& connection, const Graceid& graceid) {
  auto query = connection.query("SELECT " GRACEDB_EVENT_COLUMNS " FROM events WHERE number = ?");
  query << graceid.number;
  auto event = read_first_event(query);
  if (event && !graceid.matches(event->graceid.front())) event.reset();
  return event;
}

std::optional<Event> find_by(Connection& connection, const ContentId& content_id) {
  auto query = connection.query("SELECT " GRACEDB_EVENT_COLUMNS
                                " FROM events WHERE content_id = ? ORDER BY state DESC, number LIMIT 1");
  query << content_id;
  return read_first_event(query);
}

std::optional<Event> find_event(Connection& connection, std::string_view event_id) {
  const auto id = parse_event_id(event_id);
  if (!id) return {};
  auto event = std::visit([&](const auto& known) { return find_by(connection, known); }, *id);
  if (event) event->labels = read_label_names(connection, event->number);
  return event;
}

// Steps a statement with RETURNING to its end, where SQLite has carried it out.
// @return true if it changed a row
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

std::vector<std::string> tags_of(Connection& connection, std::int64_t event, std::int64_t log_number) {
  std::vector<std::string> tags;
  auto query = connection.query("SELECT name FROM tags WHERE event = ? AND log = ? ORDER BY rowid");
  query << event << log_number;
  while (query.next())
    query >> tags.emplace_back();
  return tags;
}

/// The digests of an event file.
struct Content {
  std::string sha256;
  std::string content_id;
};

Content content_of(std::string_view bytes) { return {sha256_hex(bytes), kafka::content_id(bytes)}; }

std::int64_t insert_reservation(Connection& connection, const Submission& submission) {
  auto insert = connection.query(
      "INSERT INTO events (prefix, state, \"group\", pipeline, search, submitter, content_id, replay_id, "
      "offline, reserved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const char prefix = graceid_prefix(submission.group, submission.pipeline, submission.search);
  insert << std::string_view(&prefix, 1) << static_cast<int>(EventState::reserved) << submission.group
         << submission.pipeline << submission.search << submission.submitter << submission.content_id
         << submission.replay_id << submission.offline << now();
  insert.run();
  return connection.database().getLastInsertRowid();
}

Event event_of(Connection& connection, std::int64_t number) {
  auto query = connection.query("SELECT " GRACEDB_EVENT_COLUMNS " FROM events WHERE number = ?");
  query << number;
  if (!query.next()) throw std::logic_error("event " + std::to_string(number) + " is missing");
  return read_event(query);
}

void store_upload(Connection& connection, std::int64_t number, const EventUpload& upload,
                  const Content& content) {
  const EventFacts& facts = upload.facts;
  auto update = connection.query(
      "UPDATE events SET state = ?, content_id = ?, created = coalesce(created, ?), gpstime = ?, far = ?, "
      "instruments = ?, nevents = ?, likelihood = ?, extra_attributes = ?, sha256 = ?, file_name = ?, "
      "upload_count = upload_count + 1, kafka_server = ?, kafka_topic = ? WHERE number = ?");
  update << static_cast<int>(EventState::complete) << content.content_id << now() << facts.gpstime
         << facts.far << facts.instruments << facts.nevents << facts.likelihood << facts.extra_attributes
         << content.sha256 << upload.file_name << upload.kafka_server << upload.kafka_topic << number;
  update.run();
}

EventStore::Completion finish(Connection& connection, std::int64_t number, const EventUpload& upload,
                              const Content& content, std::string_view user,
                              const EventStore::MakeAlert& make_alert) {
  store_upload(connection, number, upload, content);
  insert_log(connection, number,
             {.comment = "Original Data",
              .issuer = std::string(user),
              .tags = {},
              .file_name = upload.file_name,
              .contents = upload.contents});
  EventStore::Completion completion{EventStore::Outcome::completed, event_of(connection, number), {}};
  // As in GraceDB, the alert is made before the labels are attached.
  completion.alert = make_alert(*completion.event);
  if (completion.alert) insert_alert(connection, *completion.alert);
  for (const std::string& label : upload.labels)
    insert_label(connection, number, label, user);
  completion.event->labels = read_label_names(connection, number);
  return completion;
}

Event count_upload(Connection& connection, const Event& event) {
  auto update = connection.query("UPDATE events SET upload_count = upload_count + 1 WHERE number = ?");
  update << event.number;
  update.run();
  Event counted = event;
  ++counted.upload_count;
  return counted;
}

bool has_content(const Event& event, const Content& content) {
  if (event.state == EventState::complete) return event.sha256 == content.sha256;
  return !event.submission.content_id || event.submission.content_id == content.content_id;
}

void bind(SQLite::Statement& statement, const std::vector<EventFilter::Value>& values) {
  int index = 0;
  for (const auto& value : values) {
    ++index;
    std::visit([&](const auto& known) { statement.bind(index, known); }, value);
  }
}

std::int64_t count_events(Connection& connection, const EventFilter& filter, const std::string& from) {
  SQLite::Statement statement(connection.database(), "SELECT count(*)" + from);
  bind(statement, filter.parameters);
  statement.executeStep();
  return statement.getColumn(0).getInt64();
}

std::vector<Event> select_events(Connection& connection, const std::string& sql,
                                 const std::vector<EventFilter::Value>& parameters) {
  SQLite::Statement statement(connection.database(), sql);
  bind(statement, parameters);
  Query query(statement);
  std::vector<Event> events;
  while (query.next())
    events.push_back(read_event(query));
  for (Event& event : events)
    event.labels = read_label_names(connection, event.number);
  return events;
}

}  // namespace

EventStore::EventStore(const std::filesystem::path& path, Durability durability) {
  try {
    database_ = std::make_unique<Database>(path, durability == Durability::power_loss);
    database_->write([](Connection& connection) { connection.database().exec(schema); });
  } catch (const SQLite::Exception& error) {
    throw std::runtime_error("cannot open the database " + path.string() + ": " + error.what());
  }
}

EventStore::~EventStore() = default;

Event EventStore::reserve(const Submission& submission) {
  return database_->write([&](Connection& connection) {
    return event_of(connection, insert_reservation(connection, submission));
  });
}

EventStore::Completion EventStore::complete(std::string_view event_id, const EventUpload& upload,
                                            const MakeAlert& make_alert) {
  const Content content = content_of(upload.contents);
  return database_->write([&](Connection& connection) -> Completion {
    auto event = find_event(connection, event_id);
    if (!event) return {};
    if (!has_content(*event, content)) return {Outcome::other_content, std::move(event), {}};
    if (event->state == EventState::complete) {
      return {Outcome::already_done, count_upload(connection, *event), {}};
    }
    return finish(connection, event->number, upload, content, event->submission.submitter, make_alert);
  });
}

EventStore::Completion EventStore::create(const Submission& submission, const EventUpload& upload,
                                          const MakeAlert& make_alert) {
  const Content content = content_of(upload.contents);
  return database_->write([&](Connection& connection) {
    const std::int64_t number = insert_reservation(connection, submission);
    return finish(connection, number, upload, content, submission.submitter, make_alert);
  });
}

EventStore::Completion EventStore::replace(std::string_view event_id, const EventUpload& upload,
                                           std::string_view user, const MakeAlert& make_alert) {
  const Content content = content_of(upload.contents);
  return database_->write([&](Connection& connection) -> Completion {
    const auto event = find_event(connection, event_id);
    if (!event || event->state != EventState::complete) return {};
    EventUpload replacement = upload;
    replacement.kafka_server = event->kafka_server;
    replacement.kafka_topic = event->kafka_topic;
    return finish(connection, event->number, replacement, content, user, make_alert);
  });
}

std::optional<Event> EventStore::find(std::string_view event_id) const {
  return database_->read([&](Connection& connection) { return find_event(connection, event_id); });
}

EventPage EventStore::list(const EventFilter& filter, std::int64_t start, std::int64_t count) const {
  const std::string complete = std::to_string(static_cast<int>(EventState::complete));
  const std::string from = " FROM events WHERE state = " + complete + " AND (" + filter.where + ")";
  const std::string page = from + " ORDER BY " + filter.order + " LIMIT " + std::to_string(count) +
                           " OFFSET " + std::to_string(start);
  return database_->read([&](Connection& connection) {
    return EventPage{count_events(connection, filter, from),
                     select_events(connection, "SELECT " GRACEDB_EVENT_COLUMNS + page, filter.parameters)};
  });
}

std::vector<Event> EventStore::everything() const {
  return database_->read([&](Connection& connection) {
    return select_events(connection, "SELECT " GRACEDB_EVENT_COLUMNS " FROM events ORDER BY number", {});
  });
}

std::vector<StoredFile> EventStore::files(const Event& event) const {
  return database_->read([&](Connection& connection) {
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
  return database_->read([&](Connection& connection) -> std::optional<std::string> {
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
  return database_->write(
      [&](Connection& connection) { return insert_file(connection, event.number, name, contents); });
}

std::vector<Label> EventStore::labels(const Event& event) const {
  return database_->read([&](Connection& connection) {
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
  return database_->write(
      [&](Connection& connection) { return insert_label(connection, event.number, label, creator); });
}

bool EventStore::remove_label(const Event& event, std::string_view label) {
  return database_->write([&](Connection& connection) {
    auto query = connection.query("DELETE FROM labels WHERE event = ? AND name = ? RETURNING 1");
    query << event.number << label;
    return changed_a_row(query);
  });
}

std::vector<LogEntry> EventStore::log(const Event& event) const {
  return database_->read([&](Connection& connection) {
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
  return database_->write(
      [&](Connection& connection) { return insert_log(connection, event.number, entry); });
}

bool EventStore::add_tag(const Event& event, std::int64_t log_number, std::string_view tag) {
  return database_->write([&](Connection& connection) {
    auto query = connection.query(
        "INSERT INTO tags (event, log, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1");
    query << event.number << log_number << tag;
    return changed_a_row(query);
  });
}

bool EventStore::remove_tag(const Event& event, std::int64_t log_number, std::string_view tag) {
  return database_->write([&](Connection& connection) {
    auto query = connection.query("DELETE FROM tags WHERE event = ? AND log = ? AND name = ? RETURNING 1");
    query << event.number << log_number << tag;
    return changed_a_row(query);
  });
}

std::vector<EventStore::StoredAlert> EventStore::alerts() const {
  return database_->read([](Connection& connection) {
    std::vector<StoredAlert> alerts;
    auto query = connection.query("SELECT topic, payload, created FROM alerts ORDER BY number");
    while (query.next()) {
      StoredAlert& stored = alerts.emplace_back();
      query >> stored.alert.topic >> stored.alert.payload >> stored.created;
    }
    return alerts;
  });
}

}  // namespace gracedb::sandbox
