#include "supervisor/dead_letter_archive.hpp"

#include "gracedb/kafka/topics.hpp"

#include "supervisor/dead_letter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

namespace gracedb::supervisor {
namespace {

using Position = std::pair<std::int32_t, std::int64_t>;

/// "3:17" says that the letter of partition 3 and offset 17 is done with.
constexpr std::string_view handled_header = "gracedb-kafka.handled";

std::optional<Position> parse_position(std::string_view text) {
  Position position;
  const char* const end = text.data() + text.size();
  const auto [colon, fault] = std::from_chars(text.data(), end, position.first);
  if (fault != std::errc() || colon == end || *colon != ':') return std::nullopt;
  const auto [stop, other_fault] = std::from_chars(colon + 1, end, position.second);
  if (other_fault != std::errc() || stop != end) return std::nullopt;
  return position;
}

// A letter keeps the headers it came with, whatever they say; only a message that is none may speak of
// others.
bool is_note(const kafka::Message& message) {
  return !origin_of(message.headers) &&
         std::any_of(message.headers.begin(), message.headers.end(),
                     [](const auto& each) { return each.first == handled_header; });
}

}  // namespace

DeadLetterArchive::DeadLetterArchive(const kafka::ConsumerOptions& options, std::string pipeline,
                                     kafka::Producer& producer)
    : pipeline_(std::move(pipeline)),
      producer_(producer),
      reader_(options, kafka::make_topic_name(producer.instance_name(), pipeline_)) {}

void DeadLetterArchive::find_handled() {
  reader_.read([this](const kafka::Message& message) {
    if (!is_note(message)) return;
    for (const auto& [name, value] : message.headers) {
      const auto position = name == handled_header ? parse_position(value) : std::nullopt;
      if (position) handled_.insert(*position);
    }
  });
}

void DeadLetterArchive::read(const std::function<void(const DeadLetter&)>& show) {
  handled_.clear();
  seen_.clear();
  present_.clear();
  find_handled();
  reader_.read([&](const kafka::Message& message) {
    if (!is_note(message)) show_letter(message, show);
  });
}

void DeadLetterArchive::show_letter(const kafka::Message& message,
                                    const std::function<void(const DeadLetter&)>& show) {
  auto origin = origin_of(message.headers);
  if (!origin)
    origin = {.place = Place::of(message), .reason = {}, .detail = {}, .original = message.headers};
  const std::string name = name_of(origin->place);
  const int number = ++seen_[name];
  const Position position{message.partition, message.offset};
  if (handled_.contains(position)) return;
  DeadLetter letter{.id = number == 1 ? name : fmt::format("{}.{}", name, number),
                    .message = message,
                    .reason = std::move(origin->reason),
                    .detail = std::move(origin->detail)};
  letter.message.topic = std::move(origin->place.topic);
  letter.message.partition = origin->place.partition;
  letter.message.offset = origin->place.offset;
  letter.message.headers = std::move(origin->original);
  present_[letter.id] = position;
  show(letter);
}

void DeadLetterArchive::remove(const DeadLetter& letter) {
  const auto [partition, offset] = present_.at(letter.id);
  producer_.deliver("",
                    {.topic = pipeline_,
                     .headers = {{std::string(handled_header), fmt::format("{}:{}", partition, offset)}}});
}

}  // namespace gracedb::supervisor
