#include "sandbox/event_store.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "core/encoding.hpp"
#include "sandbox/event_rows.hpp"
#include "sandbox/graceid.hpp"
#include "sandbox/schema.hpp"

namespace gracedb::sandbox {
namespace {

/// What the columns of a completed event hold besides the facts.
struct Content {
  std::string sha256;
  std::string content_id;
};

Content content_of(std::string_view bytes) { return {sha256_hex(bytes), kafka::content_id(bytes)}; }

std::int64_t insert_reservation(Connection& connection, const Submission& submission) {
  auto insert = connection.query(
      "INSERT INTO events (prefix, state, \"group\", pipeline, search, submitter, content_id, replay_id, "
      "offline, "
      "reserved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const char prefix = graceid_prefix(submission.group, submission.pipeline, submission.search);
  insert << std::string_view(&prefix, 1) << static_cast<int>(EventState::reserved) << submission.group
         << submission.pipeline << submission.search << submission.submitter << submission.content_id
         << submission.replay_id << submission.offline << now();
  insert.run();
  return connection.last_insert_id();
}

Event event_of(Connection& connection, std::int64_t number) {
  auto query = connection.query("SELECT " GRACEDB_EVENT_COLUMNS " FROM events WHERE number = ?");
  query << number;
  if (!query.next()) throw std::logic_error("event " + std::to_string(number) + " has gone");
  return rows::read_event(query);
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
  rows::insert_log(connection, number,
                   {.comment = "Original Data",
                    .issuer = std::string(user),
                    .tags = {},
                    .file_name = upload.file_name,
                    .contents = upload.contents});
  EventStore::Completion completion{EventStore::Outcome::completed, event_of(connection, number), {}};
  // The alert goes out as GraceDB sends it: before the labels are there.
  completion.alert = make_alert(*completion.event);
  if (completion.alert) rows::insert_alert(connection, *completion.alert);
  for (const std::string& label : upload.labels)
    rows::insert_label(connection, number, label, user);
  completion.event->labels = rows::read_label_names(connection, number);
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

bool stands_for(const Event& event, const Content& content) {
  if (event.state == EventState::complete) return event.sha256 == content.sha256;
  return !event.submission.content_id || event.submission.content_id == content.content_id;
}

}  // namespace

EventStore::EventStore(const std::filesystem::path& path, Database::Durability durability)
    : database_(path, durability) {
  database_.write([](Connection& connection) { connection.database().exec(schema); });
}

Event EventStore::reserve(const Submission& submission) {
  return database_.write([&](Connection& connection) {
    return event_of(connection, insert_reservation(connection, submission));
  });
}

EventStore::Completion EventStore::complete(std::string_view event_id, const EventUpload& upload,
                                            const MakeAlert& make_alert) {
  const Content content = content_of(upload.contents);
  return database_.write([&](Connection& connection) -> Completion {
    auto event = rows::find_event(connection, event_id);
    if (!event) return {};
    if (!stands_for(*event, content)) return {Outcome::other_content, std::move(event), {}};
    if (event->state == EventState::complete) {
      return {Outcome::already_done, count_upload(connection, *event), {}};
    }
    return finish(connection, event->number, upload, content, event->submission.submitter, make_alert);
  });
}

EventStore::Completion EventStore::create(const Submission& submission, const EventUpload& upload,
                                          const MakeAlert& make_alert) {
  const Content content = content_of(upload.contents);
  return database_.write([&](Connection& connection) {
    const std::int64_t number = insert_reservation(connection, submission);
    return finish(connection, number, upload, content, submission.submitter, make_alert);
  });
}

EventStore::Completion EventStore::replace(std::string_view event_id, const EventUpload& upload,
                                           std::string_view user, const MakeAlert& make_alert) {
  const Content content = content_of(upload.contents);
  return database_.write([&](Connection& connection) -> Completion {
    const auto event = rows::find_event(connection, event_id);
    if (!event || event->state != EventState::complete) return {};
    EventUpload kept = upload;
    kept.kafka_server = event->kafka_server;
    kept.kafka_topic = event->kafka_topic;
    return finish(connection, event->number, kept, content, user, make_alert);
  });
}

std::optional<Event> EventStore::find(std::string_view event_id) const {
  return database_.read([&](Connection& connection) { return rows::find_event(connection, event_id); });
}

namespace {

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
    events.push_back(rows::read_event(query));
  for (Event& event : events)
    event.labels = rows::read_label_names(connection, event.number);
  return events;
}

}  // namespace

EventPage EventStore::list(const EventFilter& filter, std::int64_t start, std::int64_t count) const {
  const std::string complete = std::to_string(static_cast<int>(EventState::complete));
  const std::string from = " FROM events WHERE state = " + complete + " AND (" + filter.where + ")";
  const std::string page = from + " ORDER BY " + filter.order + " LIMIT " + std::to_string(count) +
                           " OFFSET " + std::to_string(start);
  return database_.read([&](Connection& connection) {
    return EventPage{count_events(connection, filter, from),
                     select_events(connection, "SELECT " GRACEDB_EVENT_COLUMNS + page, filter.parameters)};
  });
}

std::vector<Event> EventStore::everything() const {
  return database_.read([&](Connection& connection) {
    return select_events(connection, "SELECT " GRACEDB_EVENT_COLUMNS " FROM events ORDER BY number", {});
  });
}

}  // namespace gracedb::sandbox
