#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::sandbox {

using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// The present, in the resolution that the database keeps.
inline TimePoint now() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// What an event file says of its event.
struct EventFacts {
  std::optional<double> gpstime;           ///< GPS seconds
  std::optional<double> far;               ///< false alarm rate in Hz
  std::optional<std::string> instruments;  ///< "H1,L1"
  std::optional<std::int64_t> nevents;
  std::optional<double> likelihood;
  std::string extra_attributes = "{}";  ///< a JSON object
};

/// How a submission describes itself, apart from its file.
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
  TimePoint reserved;                 ///< when the graceid was given
  std::optional<TimePoint> created;   ///< when the event file arrived
  std::optional<std::string> sha256;  ///< of the event file
  std::optional<std::string> file_name;
  std::int64_t upload_count = 0;  ///< uploads accepted, repeated ones included
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
  std::int64_t number = 0;  ///< N, from 1
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
  std::string payload;  ///< JSON
};

}  // namespace gracedb::sandbox
