#include "gracedb-kafka/message_view.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "core/duration.hpp"
#include "core/encoding.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace gracedb::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t longest_string = 200;
constexpr std::size_t shown_of_long_string = 60;

void put(ordered_json& line, const std::string& name, const std::string& bytes) {
  if (is_utf8(bytes)) {
    line[name] = bytes;
  } else {
    line[name] = to_base64(bytes);
    line[name + "_encoding"] = "base64";
  }
}

void put_headers(ordered_json& line, const kafka::Headers& headers) {
  const bool text = std::all_of(headers.begin(), headers.end(), [](const auto& header) {
    return is_utf8(header.first) && is_utf8(header.second);
  });
  auto list = ordered_json::array();
  for (const auto& [name, value] : headers) {
    list.push_back(is_utf8(name) ? name : printable(name));
    list.push_back(text ? value : to_base64(value));
  }
  line["headers"] = std::move(list);
  if (!text) line["headers_encoding"] = "base64";
}

std::string cut(const std::string& text) {
  std::size_t end = shown_of_long_string;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80)
    --end;
  return fmt::format("{}… ({} in all)", text.substr(0, end), format_size(text.size()));
}

std::size_t decoded_size(const std::string& base64) {
  const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - std::min(padding, base64.size() / 4 * 3);
}

bool is_event_file(const ordered_json& value) {
  return value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string();
}

std::string kind_text(const kafka::Message& message, const ordered_json& value) {
  const kafka::MessageKind kind =
      value.is_object() ? kafka::kind_of(message.value) : kafka::MessageKind::other;
  if (kind == kafka::MessageKind::ping) return "ping";
  if (kind != kafka::MessageKind::upload) return format_size(message.value.size());
  const auto file = value.find("eventFile");
  if (file == value.end() || !is_event_file(*file)) return "upload";
  return fmt::format("upload of {}, {}", printable_line((*file)[0].get<std::string>()),
                     format_size(decoded_size((*file)[1].get_ref<const std::string&>())));
}

std::string headline(const kafka::Message& message, const programs::Style& style, std::string_view kind) {
  std::string line = style.bold(
      fmt::format("{}[{}] @ {}", printable_line(message.topic), message.partition, message.offset));
  if (message.timestamp) line += "  " + format_timestamp(*message.timestamp);
  if (message.key) line += fmt::format("  key {}", printable_line(*message.key));
  return fmt::format("{}  {}\n", line, kind);
}

std::string body(const kafka::Message& message, const ordered_json& value, const TextView& view) {
  if (!value.is_discarded()) return printable((view.full ? value : abbreviate(value)).dump(2));
  if (!is_utf8(message.value))
    return fmt::format("({} that are not text)", format_size(message.value.size()));
  if (view.full || message.value.size() <= 10 * longest_string) return printable(message.value);
  return printable(cut(message.value));
}

}  // namespace

std::string message_json(const kafka::Message& message, bool parsed) {
  ordered_json line{{"topic", message.topic}, {"partition", message.partition}, {"offset", message.offset}};
  line["ts"] = nullptr;
  if (message.timestamp) {
    using std::chrono::milliseconds;
    line["ts"] = std::chrono::floor<milliseconds>(message.timestamp->time_since_epoch()).count();
  }
  if (!message.headers.empty()) put_headers(line, message.headers);
  line["key"] = nullptr;
  if (message.key) put(line, "key", *message.key);
  auto value = parsed ? ordered_json::parse(message.value, nullptr, false)
                      : ordered_json(ordered_json::value_t::discarded);
  if (value.is_discarded()) {
    put(line, "payload", message.value);
  } else {
    line["payload"] = std::move(value);
  }
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json abbreviate(ordered_json value) {
  if (value.is_object() && value.contains("eventFile") && is_event_file(value["eventFile"])) {
    auto& contents = value["eventFile"][1].get_ref<std::string&>();
    contents = fmt::format("({} in base64)", format_size(decoded_size(contents)));
  }
  if (value.is_structured()) {
    for (auto& item : value)
      item = abbreviate(std::move(item));
  } else if (value.is_string() && value.get_ref<const std::string&>().size() > longest_string) {
    value = cut(value.get_ref<const std::string&>());
  }
  return value;
}

std::string message_text(const kafka::Message& message, const programs::Style& style, const TextView& view) {
  const auto value = ordered_json::parse(message.value, nullptr, false);
  std::string text = headline(message, style, kind_text(message, value));
  if (view.headline_only) return text;
  for (const auto& [name, content] : message.headers) {
    text += fmt::format("{}: {}\n", printable_line(name), printable_line(content));
  }
  text += body(message, value, view);
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace gracedb::cli
