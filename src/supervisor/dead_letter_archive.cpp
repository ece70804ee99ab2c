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

/// "3:17": the dead letter at partition 3, offset 17 is handled.
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

// A dead letter keeps the headers of its message, which may have this name; it is not a marker.
bool is_marker(const kafka::Message& message) {
  return !origin_of(message.headers) &&
         std::any_of(message.headers.begin(), message.headers.end(),
                     [](const auto& each) { return each.first == handled_header; });
}

DeadLetter dead_letter_of(const kafka::Message& message) {
  auto origin = origin_of(message.headers);
  if (!origin)
    origin = {.place = Place::of(message), .reason = {}, .detail = {}, .original = message.headers};
  DeadLetter letter{.id = name_of(origin->place),
                    .message = message,
                    .reason = std::move(origin->reason),
                    .detail = std::move(origin->detail)};
  letter.message.topic = std::move(origin->place.topic);
  letter.message.partition = origin->place.partition;
  letter.message.offset = origin->place.offset;
  letter.message.headers = std::move(origin->original);
  return letter;
}

}  // namespace

DeadLetterArchive::DeadLetterArchive(const kafka::ConsumerOptions& options, std::string pipeline,
                                     kafka::Producer& producer)
    : pipeline_(std::move(pipeline)),
      producer_(producer),
      reader_(options, kafka::make_topic_name(producer.instance_name(), pipeline_)) {}

void DeadLetterArchive::index() {
  copies_.clear();
  handled_.clear();
  numbers_.clear();
  std::set<Position> handled_positions;
  reader_.read([&](const kafka::Message& message) {
    if (is_marker(message)) {
      for (const auto& [name, value] : message.headers) {
        const auto position = name == handled_header ? parse_position(value) : std::nullopt;
        if (position) handled_positions.insert(*position);
      }
      return;
    }
    const DeadLetter letter = dead_letter_of(message);
    const std::string identity = identity_of(letter.message);
    auto& copies = copies_[identity];
    copies.emplace_back(message.partition, message.offset);
    if (copies.size() == 1) numbers_[letter.id].push_back(identity);
  });
  for (const auto& [identity, copies] : copies_) {
    const bool is_handled = std::any_of(copies.begin(), copies.end(), [&](const Position& position) {
      return handled_positions.contains(position);
    });
    if (is_handled) handled_.insert(identity);
  }
}

// Two passes: an entry is shown, and can be removed, with all its copies.
void DeadLetterArchive::read(const std::function<void(const DeadLetter&)>& show) {
  index();
  reader_.read([&](const kafka::Message& message) {
    if (!is_marker(message)) show_letter(message, show);
  });
}

void DeadLetterArchive::show_letter(const kafka::Message& message,
                                    const std::function<void(const DeadLetter&)>& show) {
  DeadLetter letter = dead_letter_of(message);
  const std::string identity = identity_of(letter.message);
  const auto copies = copies_.find(identity);
  const bool is_first =
      copies != copies_.end() && copies->second.front() == Position{message.partition, message.offset};
  if (!is_first || handled_.contains(identity)) return;
  const auto& same_origin = numbers_.at(letter.id);
  const auto number = std::find(same_origin.begin(), same_origin.end(), identity) - same_origin.begin() + 1;
  if (number > 1) letter.id += fmt::format(".{}", number);
  show(letter);
}

void DeadLetterArchive::remove(const DeadLetter& letter) {
  const std::string identity = identity_of(letter.message);
  const auto copies = copies_.find(identity);
  if (copies == copies_.end() || !handled_.insert(identity).second) return;
  kafka::Headers headers;
  for (const auto& [partition, offset] : copies->second)
    headers.emplace_back(std::string(handled_header), fmt::format("{}:{}", partition, offset));
  producer_.deliver("", {.topic = pipeline_, .headers = std::move(headers)});
}

}  // namespace gracedb::supervisor
