#include "supervisor/dead_letter.hpp"

#include "core/encoding.hpp"
#include "core/redact.hpp"
#include "supervisor/dead_letter_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr std::string_view prefix = "__connect.errors.";

std::string header(std::string_view name) { return fmt::format("{}{}", prefix, name); }

// The steps of Kafka Connect: what it reads cannot be converted, or what it has converted is not taken.
std::string_view stage_of(Rejection::Kind kind) {
  return kind == Rejection::Kind::refused ? "TASK_PUT" : "VALUE_CONVERTER";
}

// The last of a name counts: those before it came with the message.
const std::string* find(const kafka::Headers& headers, std::string_view name) {
  const std::string wanted = header(name);
  const auto found =
      std::find_if(headers.rbegin(), headers.rend(), [&](const auto& each) { return each.first == wanted; });
  return found == headers.rend() ? nullptr : &found->second;
}

template <typename Number>
bool read(const std::string* text, Number& number) {
  if (text == nullptr) return false;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  return error == std::errc() && stop == end;
}

}  // namespace

std::string name_of(const Place& place) {
  return fmt::format("{}-{}-{}", place.topic, place.partition, place.offset);
}

// Without the timestamp: a topic with LogAppendTime gives each copy another one.
std::string identity_of(const kafka::Message& message) {
  return fmt::format("{} {}", name_of(Place::of(message)), sha256_hex(message.value));
}

kafka::Headers dead_letter_headers(const kafka::Message& message, const Rejection& rejection,
                                   const Reporter& reporter) {
  kafka::Headers headers = message.headers;
  const auto add = [&headers](std::string_view name, std::string value) {
    headers.emplace_back(header(name), std::move(value));
  };
  add("topic", message.topic);
  add("partition", std::to_string(message.partition));
  add("offset", std::to_string(message.offset));
  add("connector.name", reporter.group);
  add("task.id", reporter.process);
  add("stage", std::string(stage_of(rejection.kind)));
  add("class.name", "gracedb-kafka-supervisor");
  add("exception.class.name", std::string(name_of(rejection.kind)));
  add("exception.message", redact(rejection.detail));
  return headers;
}

std::optional<LetterOrigin> origin_of(const kafka::Headers& headers) {
  LetterOrigin origin;
  const std::string* const topic = find(headers, "topic");
  if (topic == nullptr || !read(find(headers, "partition"), origin.place.partition) ||
      !read(find(headers, "offset"), origin.place.offset)) {
    return std::nullopt;
  }
  origin.place.topic = *topic;
  if (const auto* reason = find(headers, "exception.class.name")) origin.reason = *reason;
  if (const auto* detail = find(headers, "exception.message")) origin.detail = *detail;
  // Ours begin with the last "topic" of theirs.
  const auto ours = std::find_if(headers.rbegin(), headers.rend(),
                                 [](const auto& each) { return each.first == header("topic"); });
  origin.original.assign(headers.begin(), ours.base() - 1);
  return origin;
}

}  // namespace gracedb::supervisor
