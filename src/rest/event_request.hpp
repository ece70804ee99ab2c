#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "rest/api_root.hpp"
#include "rest/http.hpp"

#include <optional>
#include <string>
#include <string_view>

/// An event file and the HTTP requests that submit it. The requests borrow the contents of the file, which
/// must outlive them.
namespace gracedb::rest {

/// A file to submit: its base name, and its contents, read once or borrowed from the caller.
class EventFile {
 public:
  /// Reads `filename`, or borrows `contents` under the base name of `filename`.
  /// @throws std::invalid_argument  no name, an unusable one, an unreadable or empty file
  EventFile(std::string_view filename, const std::optional<std::string_view>& contents);

  const std::string& name() const noexcept { return name_; }
  std::string_view contents() const noexcept { return borrowed_.value_or(read_); }

 private:
  std::string name_;
  std::string read_;
  std::optional<std::string_view> borrowed_;
};

/// Reserves a graceid for an event that follows. Repeatable: a lost reservation is only an unused id.
HttpRequest reservation_request(const ApiRoot& root, const CreateEventOptions& event,
                                const std::string& content_id);

/// Creates an event in one request. Not repeatable: a repetition could create a second event.
HttpRequest creation_request(const ApiRoot& root, const CreateEventOptions& event, const EventFile& file,
                             const std::string& content_id);

/// Uploads the file of a reserved event. Repeatable: the same file again changes nothing.
HttpRequest completion_request(const ApiRoot& root, const UploadReservedOptions& options,
                               const EventFile& file);

}  // namespace gracedb::rest
