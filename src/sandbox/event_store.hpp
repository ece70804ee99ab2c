#pragma once

#include "sandbox/database.hpp"
#include "sandbox/event.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gracedb::sandbox {

/// An event file that has arrived, with what was read from it.
struct EventUpload {
  std::string file_name;
  std::string_view contents;
  EventFacts facts;
  std::vector<std::string> labels;
  std::optional<std::string> kafka_server;
  std::optional<std::string> kafka_topic;
};

/// A file with all its versions, oldest first, is `name`, `name,0`, `name,1`, …
struct StoredFile {
  std::string name;
  std::int64_t versions = 0;
};

struct NewLogEntry {
  std::string comment;
  std::string issuer;
  std::vector<std::string> tags;
  std::optional<std::string> file_name;
  std::string_view contents;  ///< of the file, where there is one
};

/// One page of a list of events. `where` and `order` are SQL with a '?' for each value in `parameters`.
struct EventFilter {
  using Value = std::variant<std::int64_t, double, std::string>;

  std::string where = "1";
  std::string order = "created DESC, number DESC";
  std::vector<Value> parameters;
};

struct EventPage {
  std::int64_t total = 0;
  std::vector<Event> events;
};

/// Everything that GraceDB keeps, in SQLite. Each call is one transaction; calls from several threads are
/// safe.
class EventStore {
 public:
  /// Makes the alert of an event that has just been completed; nothing where none is due. Runs in the
  /// transaction, so that the alert is kept if and only if the event is.
  using MakeAlert = std::function<std::optional<Alert>(const Event&)>;

  EventStore(const std::filesystem::path& path, Database::Durability durability);

  /// Gives the next graceid. The same content twice gives two graceids.
  Event reserve(const Submission& submission);

  enum class Outcome {
    completed,     ///< the reservation is an event now
    already_done,  ///< the event was complete with the same content: nothing has changed but the upload count
    other_content,  ///< the event or the reservation stands for other content: nothing has changed
    not_found,
  };
  struct Completion {
    Outcome outcome = Outcome::not_found;
    std::optional<Event> event;
    std::optional<Alert> alert;  ///< to be published; only where `completed`
  };
  /// Turns a reservation into an event.
  Completion complete(std::string_view event_id, const EventUpload& upload, const MakeAlert& make_alert);

  /// Makes an event at once.
  Completion create(const Submission& submission, const EventUpload& upload, const MakeAlert& make_alert);

  /// Puts a new event file in place of the old one.
  Completion replace(std::string_view event_id, const EventUpload& upload, std::string_view user,
                     const MakeAlert& make_alert);

  /// An event by graceid or content id, in any state.
  std::optional<Event> find(std::string_view event_id) const;
  /// Complete events.
  EventPage list(const EventFilter& filter, std::int64_t start, std::int64_t count) const;
  /// Reservations and events, oldest first.
  std::vector<Event> everything() const;

  std::vector<StoredFile> files(const Event& event) const;
  /// @param version  the latest where there is none
  std::optional<std::string> file(const Event& event, std::string_view name,
                                  std::optional<std::int64_t> version) const;
  /// @return the version it was given, from 0
  std::int64_t add_file(const Event& event, std::string_view name, std::string_view contents);

  std::vector<Label> labels(const Event& event) const;
  /// @return false where the event had it already
  bool add_label(const Event& event, std::string_view label, std::string_view creator);
  /// @return false where the event did not have it
  bool remove_label(const Event& event, std::string_view label);

  std::vector<LogEntry> log(const Event& event) const;
  LogEntry add_log(const Event& event, const NewLogEntry& entry);
  /// @return false where the entry had it already
  bool add_tag(const Event& event, std::int64_t log_number, std::string_view tag);
  /// @return false where the entry did not have it
  bool remove_tag(const Event& event, std::int64_t log_number, std::string_view tag);

  struct KeptAlert {
    Alert alert;
    TimePoint created;
  };
  /// Every alert so far, oldest first.
  std::vector<KeptAlert> alerts() const;

 private:
  Database database_;
};

}  // namespace gracedb::sandbox
