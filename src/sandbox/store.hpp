#pragma once

#include "sandbox/conventions.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gracedb::sandbox {

/// What an event file contains about its event.
struct EventFacts {
  /// GPS seconds.
  std::optional<double> gpstime;
  /// False alarm rate in Hz.
  std::optional<double> far;
  /// "H1,L1"
  std::optional<std::string> instruments;
  std::optional<std::int64_t> nevents;
  std::optional<double> likelihood;
  /// A JSON object.
  std::string extra_attributes = "{}";
};

/// The fields of a submission besides its file.
struct Submission {
  std::string group;
  std::string pipeline;
  std::optional<std::string> search;
  std::string submitter;
  std::optional<std::string> content_id;
  std::optional<std::string> replay_id;
  bool offline = false;
};

enum class EventState { reserved, complete };

struct Event {
  std::int64_t number = 0;
  std::string graceid;
  EventState state = EventState::reserved;
  Submission submission;
  EventFacts facts;
  /// When the graceid was assigned.
  TimePoint reserved;
  /// When the event file arrived.
  std::optional<TimePoint> created;
  /// Of the event file.
  std::optional<std::string> sha256;
  std::optional<std::string> file_name;
  /// Accepted uploads, including repeated ones.
  std::int64_t upload_count = 0;
  std::optional<std::string> kafka_server;
  std::optional<std::string> kafka_topic;
  std::vector<std::string> labels;
};

struct Label {
  std::string name;
  std::string creator;
  TimePoint created;
};

struct LogEntry {
  /// From 1 for each event.
  std::int64_t number = 0;
  std::string comment;
  std::string issuer;
  TimePoint created;
  std::optional<std::string> file_name;
  std::optional<std::int64_t> file_version;
  std::vector<std::string> tags;
};

/// An igwn-alert record.
struct Alert {
  std::string topic;
  /// JSON.
  std::string payload;
};

/// A received event file and what was parsed from it.
struct EventUpload {
  std::string file_name;
  std::string_view contents;
  EventFacts facts;
  std::vector<std::string> labels;
  std::optional<std::string> kafka_server;
  std::optional<std::string> kafka_topic;
};

/// A file and the number of its versions: `name` is the latest, `name,0`, `name,1`, … are the versions from
/// the oldest.
struct StoredFile {
  std::string name;
  std::int64_t versions = 0;
};

struct NewLogEntry {
  std::string comment;
  std::string issuer;
  std::vector<std::string> tags;
  std::optional<std::string> file_name;
  /// Of the file, if there is one.
  std::string_view contents;
};

/// Selects and orders events. `where` and `order` are SQL with a '?' for each value in `parameters`.
struct EventFilter {
  using Value = std::variant<std::int64_t, double, std::string>;

  std::string where = "1";
  std::string order = "created DESC, number DESC";
  std::vector<Value> parameters;
};

struct EventPage {
  /// Of all pages.
  std::int64_t total = 0;
  std::vector<Event> events;
};

enum class Durability {
  /// A commit waits for the disk.
  power_loss,
  /// A commit survives the end of the process, not of the machine.
  crash,
};

class Database;

/// The state of the sandbox's GraceDB, in SQLite. Each call is one transaction. Thread-safe.
class EventStore {
 public:
  /// Makes the alert of an event that has just been completed; empty for no alert. Runs in the transaction,
  /// so that the alert is stored if and only if the event is.
  using MakeAlert = std::function<std::optional<Alert>(const Event&)>;

  /// @throws std::runtime_error  `path` cannot be opened, or is not a database
  EventStore(const std::filesystem::path& path, Durability durability);
  ~EventStore();
  EventStore(const EventStore&) = delete;
  EventStore& operator=(const EventStore&) = delete;

  /// Assigns the next graceid. Two reservations of the same content get two graceids.
  Event reserve(const Submission& submission);

  enum class Outcome {
    /// The reservation is an event now.
    completed,
    /// The event was complete with the same content: only its upload count changes.
    already_done,
    /// The event or the reservation has other content: nothing changes.
    other_content,
    not_found,
  };
  struct Completion {
    Outcome outcome = Outcome::not_found;
    std::optional<Event> event;
    /// To be published; only if `completed`.
    std::optional<Alert> alert;
  };
  /// Completes a reservation.
  Completion complete(std::string_view event_id, const EventUpload& upload, const MakeAlert& make_alert);

  /// Reserves and completes in one step.
  Completion create(const Submission& submission, const EventUpload& upload, const MakeAlert& make_alert);

  /// Replaces the event file.
  Completion replace(std::string_view event_id, const EventUpload& upload, std::string_view user,
                     const MakeAlert& make_alert);

  /// An event by graceid or content id, in any state.
  std::optional<Event> find(std::string_view event_id) const;
  /// Complete events.
  EventPage list(const EventFilter& filter, std::int64_t start, std::int64_t count) const;
  /// Reservations and events, oldest first.
  std::vector<Event> everything() const;

  std::vector<StoredFile> files(const Event& event) const;
  /// @param version  default: the latest
  std::optional<std::string> file(const Event& event, std::string_view name,
                                  std::optional<std::int64_t> version) const;
  /// @return its version, from 0
  std::int64_t add_file(const Event& event, std::string_view name, std::string_view contents);

  std::vector<Label> labels(const Event& event) const;
  /// @return false if the event already has it
  bool add_label(const Event& event, std::string_view label, std::string_view creator);
  /// @return false if the event does not have it
  bool remove_label(const Event& event, std::string_view label);

  std::vector<LogEntry> log(const Event& event) const;
  LogEntry add_log(const Event& event, const NewLogEntry& entry);
  /// @return false if the entry already has it
  bool add_tag(const Event& event, std::int64_t log_number, std::string_view tag);
  /// @return false if the entry does not have it
  bool remove_tag(const Event& event, std::int64_t log_number, std::string_view tag);

  struct StoredAlert {
    Alert alert;
    TimePoint created;
  };
  /// All alerts, oldest first.
  std::vector<StoredAlert> alerts() const;

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace gracedb::sandbox
