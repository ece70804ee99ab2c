#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "common/output.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace gracedb::cli {

/// How long the steps of one upload took that the library does not time itself.
struct UploadTimes {
  std::optional<std::chrono::microseconds> connect;     ///< to GraceDB and the broker; none without a broker
  std::optional<std::chrono::microseconds> completion;  ///< from the broker's confirmation to the whole event
  std::chrono::microseconds total{0};
  bool waited = false;  ///< for the whole event
};

/// What a script reads first: the graceid, or the content id where none was reserved.
std::string upload_id(const rest::CreatedEvent& created);

/// For people: the id alone on the first line, then one line a step.
std::string upload_text(const rest::CreatedEvent& created, const UploadTimes& times,
                        const programs::Style& style);

/// For people: the lines about the completed event.
std::string completion_text(const nlohmann::json& event, const UploadTimes& times);

/// For programs: graceid, content_id, route, topic, partition, offset and seconds; where the event was waited
/// for, also whether it is complete, and the event.
std::string upload_json(const rest::CreatedEvent& created, const UploadTimes& times,
                        const nlohmann::json& event);

}  // namespace gracedb::cli
