#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "common/output.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// The parts of the upload command that tests call: the report, and the wait for the event.
namespace gracedb::cli {

/// The times of one upload that the library does not measure.
struct UploadTimes {
  /// To connect to GraceDB and the broker; nullopt without a broker.
  std::optional<std::chrono::microseconds> connect;
  /// From the broker's confirmation to the complete event.
  std::optional<std::chrono::microseconds> completion;
  std::chrono::microseconds total{0};
  /// Whether the command waited for the complete event.
  bool waited = false;
};

/// The first line of the output: the graceid, or the content id if no graceid was reserved.
std::string upload_id(const rest::CreatedEvent& created);

/// Text: the id on the first line, then one line for each step.
std::string upload_text(const rest::CreatedEvent& created, const UploadTimes& times,
                        const programs::Style& style);

/// Text: the lines about the complete event.
std::string completion_text(const nlohmann::json& event, const UploadTimes& times);

/// JSON: graceid, content_id, route, topic, partition, offset, seconds; after a wait also complete and event.
std::string upload_json(const rest::CreatedEvent& created, const UploadTimes& times,
                        const nlohmann::json& event);

/// True if GraceDB's "files" response lists this file. Accepts API versions 1 (an object of names and URLs)
/// and 2 (a list under "files").
bool lists_file(const nlohmann::json& files, std::string_view name);

/// Polls GraceDB until the reserved event has its file, and returns the event. The interval grows from 5 ms
/// to 1 s. Retries transient failures: no answer, 404, 5xx, an answer that is not JSON.
/// @throws ProgramError  not complete within `timeout`; the event must not be submitted again
/// @throws HttpError     GraceDB denies access (401, 403)
nlohmann::json wait_for_event(rest::GraceDb& client, const std::string& graceid, const std::string& file_name,
                              std::chrono::milliseconds timeout);

}  // namespace gracedb::cli
