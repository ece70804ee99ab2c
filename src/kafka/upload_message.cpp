#include "gracedb/kafka/upload_message.hpp"

#include "kafka/base64.hpp"
#include "kafka/json_text.hpp"
#include "kafka/long_text.hpp"
#include "kafka/object_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <simdjson.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

/// The message up to the base64 text: `{…,"eventFile":["name","`.
std::string head_of(const UploadMessage& message) {
  ObjectText head;
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
  std::string text = head.take_open();
  text += R"(,"eventFile":[)";
  append_text(text, message.file_name);
  text += R"(,")";
  return text;
}

constexpr std::string_view tail = R"("]})";

std::string base_name(std::string_view path) {
  const std::size_t separator = path.find_last_of("/\\");
  return std::string(separator == std::string_view::npos ? path : path.substr(separator + 1));
}

[[noreturn]] void refuse(std::string_view field, std::string_view fault) {
  throw std::invalid_argument(fmt::format("upload message: '{}' {}", field, fault));
}

/// Reads the fields of one parsed message; every fault names its field.
class Fields {
 public:
  explicit Fields(simdjson::dom::object object) : object_(object) {}

  std::string_view text(std::string_view name) const {
    simdjson::dom::element found;
    if (object_.at_key(name).get(found) != simdjson::SUCCESS) refuse(name, "is missing");
    return text_of(name, found);
  }

  std::optional<std::string> optional_text(std::string_view name) const {
    const auto found = present(name);
    if (!found) return std::nullopt;
    return std::string(text_of(name, *found));
  }

  std::optional<bool> flag(std::string_view name) const {
    const auto found = present(name);
    if (!found) return std::nullopt;
    bool value = false;
    if (found->get(value) != simdjson::SUCCESS) refuse(name, "is not true or false");
    return value;
  }

  std::optional<double> number(std::string_view name) const {
    const auto found = present(name);
    if (!found) return std::nullopt;
    double value = 0;
    if (found->get(value) != simdjson::SUCCESS) refuse(name, "is not a number");
    return value;
  }

  std::optional<std::vector<std::string_view>> texts(std::string_view name) const {
    const auto found = present(name);
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

 private:
  std::optional<simdjson::dom::element> present(std::string_view name) const {
    simdjson::dom::element found;
    if (object_.at_key(name).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
    return found;
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

/// Reads the fields, and gives what stands in the place of the file's contents to `contents_of`.
template <typename ContentsOf>
ReceivedUpload read(std::string_view text, ContentsOf contents_of) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto fault = parser.parse(text.data(), text.size()).get(document)) {
    throw std::invalid_argument(fmt::format("upload message: not JSON: {}", simdjson::error_message(fault)));
  }
  simdjson::dom::object object;
  if (document.get(object) != simdjson::SUCCESS)
    throw std::invalid_argument("upload message: not a JSON object");
  const Fields fields(object);
  ReceivedUpload upload{read_description(fields), {}};
  const std::string_view base64 = read_event_file(fields, upload.message);
  upload.contents = contents_of(base64);
  return upload;
}

ReceivedUpload read_whole(std::string_view text) {
  return read(text, [](std::string_view base64) {
    auto contents = decode_base64(base64);
    if (!contents) refuse("eventFile", "has contents that are not standard base64");
    return std::move(*contents);
  });
}

/// Decodes a long text where it stands and reads as JSON what is around it. None where that is not the same
/// as reading the whole: where the long text is not base64, or is not the event file.
std::optional<ReceivedUpload> read_around_long_text(std::string_view text) {
  const auto cut = cut_long_text(text);
  if (!cut) return std::nullopt;
  auto contents = decode_base64(cut->text);
  if (!contents) return std::nullopt;
  bool is_event_file = false;
  ReceivedUpload upload = read(cut->rest, [&](std::string_view base64) {
    is_event_file = base64 == WithoutLongText::placeholder;
    return std::move(*contents);
  });
  return is_event_file ? std::optional(std::move(upload)) : std::nullopt;
}

}  // namespace

std::string content_id(std::string_view contents) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(contents.data(), contents.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available in this build of OpenSSL");
  }
  std::string id;
  id.reserve(36);
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    fmt::format_to(std::back_inserter(id), "{:02x}", digest[i]);
  }
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
  const auto cut = cut_long_text(value);
  const bool is_same = cut && cut->text.find('"') == std::string_view::npos;
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(is_same ? std::string_view{cut->rest} : value);
  simdjson::ondemand::document document;
  std::string_view type;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.find_field_unordered("type").get(type) != simdjson::SUCCESS) {
    return MessageKind::other;
  }
  if (type == "upload") return MessageKind::upload;
  return type == "ping" ? MessageKind::ping : MessageKind::other;
}

ReceivedUpload parse_upload_message(std::string_view value) {
  auto around = read_around_long_text(value);
  ReceivedUpload upload = around ? std::move(*around) : read_whole(value);
  if (upload.message.content_id && *upload.message.content_id != content_id(upload.contents)) {
    refuse("content_id", "does not match the contents of the event file");
  }
  return upload;
}

}  // namespace gracedb::kafka
