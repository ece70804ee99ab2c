#include "gracedb/kafka/upload_message.hpp"

#include "core/encoding.hpp"
#include "core/json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <stdexcept>
#include <utility>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

/// Writes a JSON object member by member, so that no tree is built for a message of some megabytes.
class ObjectWriter {
 public:
  void add(std::string_view name, const json& value) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_.append(name).append("\":").append(dump_json(value));
  }
  template <typename T>
  void add_or_null(std::string_view name, const std::optional<T>& value) {
    add(name, value ? json(*value) : json(nullptr));
  }
  template <typename T>
  void add_if_set(std::string_view name, const std::optional<T>& value) {
    if (value) add(name, *value);
  }

  /// The text without the closing brace.
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// The message up to the base64 text: `{…,"eventFile":["name","`.
std::string head_of(const UploadMessage& message) {
  ObjectWriter head;
  head.add_if_set("_producer_timestamp", message.producer_timestamp);
  head.add_if_set("content_id", message.content_id);
  head.add("gracedb_server", message.gracedb_server);
  head.add("gracedb_upload", message.gracedb_upload);
  head.add_or_null("graceid", message.graceid);
  head.add_if_set("group", message.group);
  head.add_or_null("labels", message.labels);
  head.add("pipeline", message.pipeline);
  head.add_if_set("search", message.search);
  head.add("skip_supervisor", message.skip_supervisor);
  head.add_or_null("submitter", message.submitter);
  head.add("type", "upload");
  return head.take() + R"(,"eventFile":[)" + dump_json(message.file_name) + R"(,")";
}

constexpr std::string_view tail = R"("]})";

std::string base_name(std::string_view path) {
  const std::size_t separator = path.find_last_of("/\\");
  return std::string(separator == std::string_view::npos ? path : path.substr(separator + 1));
}

[[noreturn]] void refuse(std::string_view field, std::string_view fault) {
  throw std::invalid_argument(fmt::format("upload message: '{}' {}", field, fault));
}

/// Reads the members of an upload message. Errors name the member. Of a repeated name the last counts, as in
/// Python.
class Fields {
 public:
  explicit Fields(simdjson::dom::object object) : object_(object) {}

  std::string_view text(std::string_view name) const {
    const auto found = find(name);
    if (!found) refuse(name, "is missing");
    return text_of(name, *found);
  }

  std::optional<std::string> optional_text(std::string_view name) const {
    const auto found = find_value(name);
    if (!found) return std::nullopt;
    return std::string(text_of(name, *found));
  }

  std::optional<bool> flag(std::string_view name) const {
    const auto found = find_value(name);
    if (!found) return std::nullopt;
    bool value = false;
    if (found->get(value) != simdjson::SUCCESS) refuse(name, "is not true or false");
    return value;
  }

  std::optional<double> number(std::string_view name) const {
    const auto found = find_value(name);
    if (!found) return std::nullopt;
    double value = 0;
    if (found->get(value) != simdjson::SUCCESS) refuse(name, "is not a number");
    return value;
  }

  std::optional<std::vector<std::string_view>> texts(std::string_view name) const {
    const auto found = find_value(name);
    if (!found) return std::nullopt;
    simdjson::dom::array array;
    if (found->get(array) != simdjson::SUCCESS) refuse(name, "is not an array");
    std::vector<std::string_view> values;
    for (const simdjson::dom::element element : array) {
      std::string_view value;
      if (element.get(value) != simdjson::SUCCESS) refuse(name, "holds something other than text");
      values.push_back(value);
    }
    return values;
  }

  std::optional<simdjson::dom::element> find(std::string_view name) const {
    std::optional<simdjson::dom::element> found;
    for (const simdjson::dom::key_value_pair field : object_) {
      if (field.key == name) found = field.value;
    }
    return found;
  }

 private:
  /// None for null, too.
  std::optional<simdjson::dom::element> find_value(std::string_view name) const {
    const auto found = find(name);
    return found && !found->is_null() ? found : std::nullopt;
  }

  static std::string_view text_of(std::string_view name, simdjson::dom::element element) {
    std::string_view value;
    if (element.get(value) != simdjson::SUCCESS) refuse(name, "is not text");
    return value;
  }

  simdjson::dom::object object_;
};

/// The file's contents as base64.
std::string_view read_event_file(const Fields& fields, UploadMessage& message) {
  const auto parts = fields.texts("eventFile");
  if (!parts) refuse("eventFile", "is missing");
  if (parts->size() != 2) refuse("eventFile", "is not a pair of file name and contents");
  message.file_name = base_name((*parts)[0]);
  if (message.file_name.empty()) refuse("eventFile", "has no file name");
  return (*parts)[1];
}

UploadMessage read_description(const Fields& fields) {
  if (fields.text("type") != "upload") refuse("type", "is not 'upload'");
  UploadMessage message;
  message.gracedb_server = fields.text("gracedb_server");
  message.pipeline = fields.text("pipeline");
  message.graceid = fields.optional_text("graceid");
  message.submitter = fields.optional_text("submitter");
  message.group = fields.optional_text("group");
  message.search = fields.optional_text("search");
  message.content_id = fields.optional_text("content_id");
  message.producer_timestamp = fields.number("_producer_timestamp");
  message.skip_supervisor = fields.flag("skip_supervisor").value_or(false);
  const auto gracedb_upload = fields.flag("gracedb_upload");
  if (!gracedb_upload) refuse("gracedb_upload", "is missing");
  message.gracedb_upload = *gracedb_upload;
  if (const auto labels = fields.texts("labels")) message.labels.emplace(labels->begin(), labels->end());
  return message;
}

}  // namespace

std::string content_id(std::string_view contents) {
  std::string id = sha256_hex(contents).substr(0, 32);
  for (const std::size_t dash : {8U, 13U, 18U, 23U})
    id.insert(dash, 1, '-');
  return id;
}

std::string build_upload_message(const UploadMessage& message, std::string_view contents) {
  std::string text = head_of(message);
  text.reserve(text.size() + base64_size(contents.size()) + tail.size());
  append_base64(text, contents);
  text += tail;
  return text;
}

std::size_t upload_message_size(const UploadMessage& message, std::size_t contents_size) {
  return head_of(message).size() + base64_size(contents_size) + tail.size();
}

MessageKind kind_of(std::string_view value) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(value.data(), value.size()).get(object) != simdjson::SUCCESS) return MessageKind::other;
  const auto type = Fields(object).find("type");
  std::string_view text;
  if (!type || type->get(text) != simdjson::SUCCESS) return MessageKind::other;
  if (text == "upload") return MessageKind::upload;
  return text == "ping" ? MessageKind::ping : MessageKind::other;
}

ReceivedUpload parse_upload_message(std::string_view value) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto fault = parser.parse(value.data(), value.size()).get(document)) {
    throw std::invalid_argument(fmt::format("upload message: not JSON: {}", simdjson::error_message(fault)));
  }
  simdjson::dom::object object;
  if (document.get(object) != simdjson::SUCCESS)
    throw std::invalid_argument("upload message: not a JSON object");

  const Fields fields(object);
  ReceivedUpload upload{read_description(fields), {}};
  auto contents = decode_base64(read_event_file(fields, upload.message));
  if (!contents) refuse("eventFile", "has contents that are not standard base64");
  upload.contents = std::move(*contents);
  if (upload.message.content_id && *upload.message.content_id != content_id(upload.contents)) {
    refuse("content_id", "does not match the contents of the event file");
  }
  return upload;
}

}  // namespace gracedb::kafka
