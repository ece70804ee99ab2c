#pragma once

#include "gracedb/rest/gracedb.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace gracedb::cli {

/// True if GraceDB's answer to "files" lists this file. Understands API versions 1 (an object of names and
/// URLs) and 2 (a list under "files").
bool lists_file(const nlohmann::json& files, std::string_view name);

/// Asks GraceDB again and again until the reserved event has its file, and returns the event. The first looks
/// follow at once on another, later ones at most a second apart. A failure that may pass (no answer, 404,
/// 5xx) is waited out.
/// @throws ProgramError  not complete within `timeout`; the event needs no second submission
/// @throws HttpError     GraceDB refuses to show it (401, 403)
nlohmann::json wait_for_event(rest::GraceDb& client, const std::string& graceid, const std::string& file_name,
                              std::chrono::milliseconds timeout);

}  // namespace gracedb::cli
