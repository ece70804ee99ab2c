#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "rest/api_root.hpp"
#include "rest/event_file.hpp"
#include "rest/http_request.hpp"

#include <string>
#include <string_view>

/// The requests that carry an event. They lend the contents of the file, which must outlive them.
namespace gracedb::rest {

/// Asks for a graceid for an event that is to follow. A lost reservation is an unused id, so it may be
/// repeated.
HttpRequest reservation_request(const ApiRoot& root, const CreateEventOptions& event,
                                const std::string& content_id);

/// Creates an event at once. Never repeated when its outcome is unknown: that could create a second event.
HttpRequest creation_request(const ApiRoot& root, const CreateEventOptions& event, const EventFile& file,
                             const std::string& content_id);

/// Completes a reserved event; repeating it with the same file changes nothing.
HttpRequest completion_request(const ApiRoot& root, const UploadReservedOptions& options,
                               const EventFile& file);

}  // namespace gracedb::rest
