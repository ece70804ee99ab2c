#include "gracedb-kafka-supervisor/dead_letter_report.hpp"

#include "core/duration.hpp"
#include "core/redact.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace gracedb::supervisor {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t longest_text = 200;
constexpr int deepest_shown = 3;

// Of an upload message, without the file.
constexpr std::array<const char*, 12> fields{
    "type",   "gracedb_server", "graceid",    "submitter",      "pipeline",        "group",
    "search", "labels",         "content_id", "gracedb_upload", "skip_supervisor", "_producer_timestamp"};

std::string shown(std::string_view bytes) {
  std::string text = printable_line(redact(bytes.substr(0, longest_text)));
  return bytes.size() > longest_text ? text + "…" : text;
}

std::string time_of(const kafka::Message& message) {
  return message.timestamp ? format_utc(*message.timestamp) : "-";
}

std::string text_of(const nlohmann::json& value) {
  return shown(value.is_string() ? value.get<std::string>()
                                 : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// What the message says of itself, as far as it can be read.
std::vector<std::pair<std::string, std::string>> contents_of(const kafka::Message& message) {
  // What lies deeper is none of ours and may be without end.
  const auto near_the_top = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    return depth <= deepest_shown;
  };
  const auto document = nlohmann::json::parse(message.value, near_the_top, false);
  std::vector<std::pair<std::string, std::string>> contents;
  if (!document.is_object()) return contents;
  for (const char* name : fields) {
    if (document.contains(name)) contents.emplace_back(name, text_of(document[name]));
  }
  const auto file = document.find("eventFile");
  if (file != document.end() && file->is_array() && !file->empty())
    contents.emplace_back("file name", text_of(file->front()));
  return contents;
}

template <std::size_t columns>
std::string lay_out(const std::vector<std::array<std::string, columns>>& rows, const programs::Style& style,
                    bool has_heading) {
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < columns; ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string line;
    for (std::size_t column = 0; column < columns; ++column) {
      if (column + 1 < columns) {
        line += fmt::format("{:<{}}  ", rows[i][column], widths[column]);
      } else {
        line += rows[i][column];
      }
    }
    text += (i == 0 && has_heading ? style.bold(line) : line) + "\n";
  }
  return text;
}

}  // namespace

LetterLine line_of(const DeadLetter& letter, std::string_view store) {
  return {.id = shown(letter.id),
          .store = std::string(store),
          .reason = shown(letter.reason),
          .size = format_size(letter.message.value.size()),
          .time = time_of(letter.message),
          .detail = shown(letter.detail)};
}

std::string table_of(const std::vector<LetterLine>& lines, const programs::Style& style, bool with_heading) {
  std::vector<std::array<std::string, 6>> rows;
  if (with_heading) rows.push_back({"id", "store", "reason", "size", "time of the message", "detail"});
  for (const LetterLine& line : lines)
    rows.push_back({line.id, line.store, line.reason, line.size, line.time, line.detail});
  return lay_out(rows, style, with_heading);
}

std::string describe(const DeadLetter& letter, std::string_view store, const programs::Style& style) {
  const kafka::Message& message = letter.message;
  std::vector<std::array<std::string, 2>> rows{
      {"store", std::string(store)},
      {"reason", shown(letter.reason)},
      {"detail", shown(letter.detail)},
      {"set aside at", letter.set_aside_at.empty() ? "-" : letter.set_aside_at},
      {"topic", shown(message.topic)},
      {"partition", std::to_string(message.partition)},
      {"offset", std::to_string(message.offset)},
      {"time", time_of(message)},
      {"key", message.key ? shown(*message.key) : "-"},
      {"value", format_size(message.value.size())}};
  for (const auto& [name, value] : message.headers)
    rows.push_back({"header " + shown(name), shown(value)});
  for (const auto& [name, value] : contents_of(message))
    rows.push_back({name, value});
  return style.bold(shown(letter.id)) + "\n" + lay_out(rows, style, false);
}

std::string to_json(const DeadLetter& letter, std::string_view store, bool in_full) {
  const kafka::Message& message = letter.message;
  ordered_json json{{"id", letter.id},
                    {"store", store},
                    {"topic", message.topic},
                    {"partition", message.partition},
                    {"offset", message.offset},
                    {"key", nullptr},
                    {"timestamp_ms", nullptr},
                    {"value_bytes", message.value.size()},
                    {"reason", shown(letter.reason)},
                    {"detail", shown(letter.detail)},
                    {"set_aside_at", nullptr}};
  if (message.key) json["key"] = shown(*message.key);
  if (message.timestamp) {
    json["timestamp_ms"] =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.timestamp->time_since_epoch()).count();
  }
  if (!letter.set_aside_at.empty()) json["set_aside_at"] = letter.set_aside_at;
  if (in_full) {
    json["headers"] = ordered_json::array();
    for (const auto& [name, value] : message.headers)
      json["headers"].push_back({shown(name), shown(value)});
    json["contents"] = ordered_json::object();
    for (const auto& [name, value] : contents_of(message))
      json["contents"][name] = value;
  }
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace gracedb::supervisor
