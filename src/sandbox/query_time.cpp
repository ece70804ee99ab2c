#include "sandbox/query_time.hpp"

#include "sandbox/event_query.hpp"

#include <array>
#include <charconv>
#include <string>

namespace gracedb::sandbox {
namespace {

using std::chrono::days;
using std::chrono::seconds;

std::optional<int> to_number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) return {};
  return value;
}

/// Three numbers with a separator between, e.g. a date or a time of day; fractions of the last are dropped.
std::optional<std::array<int, 3>> three_numbers(std::string_view text, char separator) {
  std::array<int, 3> numbers{};
  for (int& number : numbers) {
    const std::size_t end = &number == &numbers.back() ? text.find('.') : text.find(separator);
    const auto value = to_number(text.substr(0, end));
    if (!value) return {};
    number = *value;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return numbers;
}

std::optional<TimePoint> parse_day(std::string_view text) {
  const auto numbers = three_numbers(text, '-');
  if (!numbers) return {};
  const auto [year, month, day] = *numbers;
  const auto date = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) /
                    std::chrono::day(static_cast<unsigned>(day));
  if (!date.ok()) return {};
  return TimePoint{std::chrono::sys_days{date}};
}

std::optional<seconds> parse_time_of_day(std::string_view text) {
  const auto numbers = three_numbers(text, ':');
  if (!numbers) return {};
  const auto [hours, minutes, rest] = *numbers;
  if (hours > 23 || minutes > 59 || rest > 60) return {};
  return seconds(hours * 3600 + minutes * 60 + rest);
}

seconds unit_length(std::string_view unit) {
  if (unit == "day" || unit == "days") return days(1);
  if (unit == "week" || unit == "weeks") return days(7);
  if (unit == "hour" || unit == "hours") return std::chrono::hours(1);
  if (unit == "minute" || unit == "minutes") return std::chrono::minutes(1);
  return seconds(0);
}

QueryTime whole_day(TimePoint midnight) { return {midnight, midnight + days(1)}; }

}  // namespace

QueryTime parse_query_time(const std::vector<QueryToken>& tokens, std::size_t& position, TimePoint now) {
  const auto text_at = [&tokens](std::size_t index) {
    return index < tokens.size() && tokens[index].is_text() ? std::string_view{tokens[index].text}
                                                            : std::string_view{};
  };
  const std::string_view first = text_at(position);
  const TimePoint midnight = std::chrono::floor<days>(now);
  if (first == "now") return ++position, QueryTime{now, now};
  if (first == "today") return ++position, whole_day(midnight);
  if (first == "yesterday") return ++position, whole_day(midnight - days(1));
  const seconds unit = unit_length(text_at(position + 1));
  if (const auto count = to_number(first); count && unit > seconds(0) && text_at(position + 2) == "ago") {
    position += 3;
    return {now - *count * unit, now - *count * unit};
  }
  const auto day = parse_day(first.substr(0, first.find_first_of("T ")));
  if (!day) throw InvalidQuery("'" + std::string(first) + "' is not a time");
  const std::size_t split = first.find_first_of("T ");
  const bool is_one_word = split != std::string_view::npos;
  const auto time = parse_time_of_day(is_one_word ? first.substr(split + 1) : text_at(position + 1));
  if (is_one_word && !time) throw InvalidQuery("'" + std::string(first) + "' is not a time");
  position += time && !is_one_word ? 2 : 1;
  if (!time) return whole_day(*day);
  return {*day + *time, *day + *time};
}

}  // namespace gracedb::sandbox
