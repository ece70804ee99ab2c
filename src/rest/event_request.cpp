#include "rest/event_request.hpp"

#include "core/file.hpp"
#include "core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gracedb::rest {
namespace {

std::string base_name(std::string_view filename) {
  if (filename.empty()) throw std::invalid_argument("the file name is empty");
  std::string name = std::filesystem::path(filename).filename();
  if (name.empty() || name == "." || name == "..") {
    throw std::invalid_argument(fmt::format("'{}' is not the name of a file", filename));
  }
  const bool has_control =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) {
    throw std::invalid_argument(
        fmt::format("the file name '{}' contains a control character", printable_line(name)));
  }
  return name;
}

std::string read_contents(std::string_view filename) {
  try {
    return read_file(filename);
  } catch (const std::system_error& error) {
    throw std::invalid_argument(fmt::format("cannot read {}: {}", filename, error.code().message()));
  }
}

FilePart event_file_part(const EventFile& file) {
  return {.field = "eventFile", .file_name = file.name(), .contents = file.contents()};
}

void add_if_set(Fields& fields, const char* name, const std::optional<std::string>& value) {
  if (value) fields.emplace_back(name, *value);
}

void add_labels(Fields& fields, const std::vector<std::string>& labels) {
  for (const auto& label : labels) {
    fields.emplace_back("labels", label);
  }
}

}  // namespace

EventFile::EventFile(std::string_view filename, const std::optional<std::string_view>& contents)
    : name_(base_name(filename)), borrowed_(contents) {
  if (!borrowed_) read_ = read_contents(filename);
  if (this->contents().empty()) throw std::invalid_argument(fmt::format("file {} is empty", filename));
}

HttpRequest reservation_request(const ApiRoot& root, const CreateEventOptions& event,
                                const std::string& content_id) {
  Form form{{{"group", event.group}, {"pipeline", event.pipeline}}};
  add_if_set(form.fields, "search", event.search);
  form.fields.emplace_back("content_id", content_id);
  add_if_set(form.fields, "replay_id", event.replay_id);
  if (event.offline) form.fields.emplace_back("offline", "True");
  return {.method = Method::post, .url = root.expand("event-reserve-template", {}), .body = std::move(form)};
}

HttpRequest creation_request(const ApiRoot& root, const CreateEventOptions& event, const EventFile& file,
                             const std::string& content_id) {
  Multipart body{.fields = {{"group", event.group}, {"pipeline", event.pipeline}},
                 .file = event_file_part(file)};
  add_if_set(body.fields, "search", event.search);
  add_labels(body.fields, event.labels);
  body.fields.emplace_back("offline", event.offline ? "True" : "False");
  body.fields.emplace_back("content_id", content_id);
  add_if_set(body.fields, "replay_id", event.replay_id);
  return {.method = Method::post, .url = root.link("events"), .body = std::move(body), .repeatable = false};
}

HttpRequest completion_request(const ApiRoot& root, const UploadReservedOptions& options,
                               const EventFile& file) {
  Multipart body{.fields = {{"graceid", options.graceid}}, .file = event_file_part(file)};
  add_labels(body.fields, options.labels);
  add_if_set(body.fields, "kafka_server", options.kafka_server);
  add_if_set(body.fields, "kafka_topic", options.kafka_topic);
  return {.method = Method::post,
          .url = root.expand("event-upload-template", {{"graceid", options.graceid}}),
          .body = std::move(body)};
}

}  // namespace gracedb::rest
