#include "supervisor/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace gracedb::supervisor {
namespace {

using Kind = Rejection::Kind;

constexpr std::size_t longest_shown = 60;

bool is_digit(unsigned char c) { return std::isdigit(c) != 0; }
bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }
bool is_label_character(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.');
}

// A text from a message, fit for one line of a log.
std::string shown(std::string_view text) {
  std::string line(text.substr(0, longest_shown));
  std::replace_if(line.begin(), line.end(), is_control, '?');
  return text.size() > longest_shown ? line + "…" : line;
}

std::optional<Rejection> check_server(const std::string& url, const Rules& rules) {
  std::optional<ServiceAddress> server;
  try {
    server.emplace(url);
  } catch (const std::invalid_argument&) {
    return Rejection{Kind::foreign_server,
                     fmt::format("gracedb_server '{}' is not the URL of a service", shown(url))};
  }
  if (std::find(rules.servers.begin(), rules.servers.end(), *server) != rules.servers.end())
    return std::nullopt;
  return Rejection{Kind::foreign_server, fmt::format("meant for another GraceDB, {}", shown(url))};
}

std::optional<Rejection> check_graceid(const std::optional<std::string>& graceid) {
  if (!graceid) return Rejection{Kind::graceid, "to be uploaded, but without a graceid"};
  if (!is_graceid(*graceid))
    return Rejection{Kind::graceid, fmt::format("'{}' is not a graceid", shown(*graceid))};
  return std::nullopt;
}

std::optional<Rejection> check_labels(const std::vector<std::string>& labels) {
  constexpr std::size_t most_labels = 100;
  constexpr std::size_t longest_label = 100;
  if (labels.size() > most_labels) {
    return Rejection{Kind::label, fmt::format("{} labels; {} at most", labels.size(), most_labels)};
  }
  for (const std::string& label : labels) {
    if (label.empty() || label.size() > longest_label ||
        !std::all_of(label.begin(), label.end(), is_label_character)) {
      return Rejection{Kind::label, fmt::format("'{}' is not a label", shown(label))};
    }
  }
  return std::nullopt;
}

std::optional<Rejection> check_file(const kafka::ReceivedUpload& event) {
  constexpr std::size_t longest_name = 255;
  const std::string& name = event.message.file_name;
  if (name == "." || name == ".." || name.size() > longest_name ||
      std::any_of(name.begin(), name.end(), is_control)) {
    return Rejection{Kind::file, fmt::format("'{}' is not the name of a file", shown(name))};
  }
  if (event.contents.empty()) return Rejection{Kind::file, "the event file is empty"};
  return std::nullopt;
}

std::optional<Rejection> check(const kafka::ReceivedUpload& event, const Rules& rules) {
  const kafka::UploadMessage& message = event.message;
  if (auto fault = check_server(message.gracedb_server, rules)) return fault;
  if (auto fault = check_graceid(message.graceid)) return fault;
  if (auto fault = check_labels(message.labels.value_or(std::vector<std::string>()))) return fault;
  return check_file(event);
}

Decision decide_upload(std::string_view value, const Rules& rules) {
  kafka::ReceivedUpload event;
  try {
    event = kafka::parse_upload_message(value);
  } catch (const std::invalid_argument& fault) {
    return Rejection{Kind::schema, fault.what()};
  }
  if (event.message.skip_supervisor) return Skip{"skip_supervisor"};
  if (!event.message.gracedb_upload) return Skip{"gracedb_upload is false"};
  if (auto fault = check(event, rules)) return *std::move(fault);
  std::string graceid = *event.message.graceid;
  return Upload{std::move(graceid), std::move(event)};
}

}  // namespace

bool is_graceid(std::string_view text) {
  constexpr std::string_view prefixes = "GEHMTD";
  constexpr std::size_t most_digits = 12;
  return text.size() >= 2 && text.size() <= 1 + most_digits &&
         prefixes.find(text.front()) != std::string_view::npos &&
         std::all_of(text.begin() + 1, text.end(), is_digit);
}

Decision decide(const kafka::Message& message, const Rules& rules) {
  if (message.value.size() > rules.largest_message) {
    return Rejection{Kind::too_large, fmt::format("a value of {} bytes; {} at most", message.value.size(),
                                                  rules.largest_message)};
  }
  switch (kafka::kind_of(message.value)) {
    case kafka::MessageKind::ping:
      return Ignore{};
    case kafka::MessageKind::upload:
      return decide_upload(message.value, rules);
    case kafka::MessageKind::other:
      break;
  }
  return Rejection{Kind::schema, "neither an upload nor a ping message"};
}

}  // namespace gracedb::supervisor
