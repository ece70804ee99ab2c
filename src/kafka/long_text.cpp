#include "kafka/long_text.hpp"

namespace gracedb::kafka {
namespace {

constexpr std::size_t long_enough = 4096;
constexpr auto npos = std::string_view::npos;

/// Where the first string begins that does not end within `long_enough`: behind its opening quote.
std::size_t begin_of_long_text(std::string_view json) {
  for (std::size_t at = json.find('"'); at != npos; at = json.find('"', at)) {
    const std::size_t begin = at + 1;
    const std::size_t end = json.substr(begin, long_enough).find('"');
    if (end == npos) return begin;
    at = begin + end + 1;
  }
  return npos;
}

/// Where the last such string ends, seen from the end: at its closing quote.
std::size_t end_of_long_text(std::string_view json, std::size_t begin) {
  for (std::size_t at = json.rfind('"'); at != npos && at >= begin + long_enough;) {
    const std::size_t window = at - long_enough;
    const std::size_t before = json.substr(window, long_enough).rfind('"');
    if (before == npos) return at;
    at = window + before;
  }
  return npos;
}

}  // namespace

std::optional<WithoutLongText> cut_long_text(std::string_view json) {
  const std::size_t begin = begin_of_long_text(json);
  const std::size_t end = begin == npos ? npos : end_of_long_text(json, begin);
  if (end == npos) return std::nullopt;
  const std::string_view before = json.substr(0, begin);
  const std::string_view after = json.substr(end);
  for (const std::string_view part : {before, after}) {
    if (part.find('\\') != npos || part.find(WithoutLongText::placeholder) != npos) return std::nullopt;
  }
  WithoutLongText cut;
  cut.rest.reserve(before.size() + WithoutLongText::placeholder.size() + after.size());
  cut.rest.append(before).append(WithoutLongText::placeholder).append(after);
  cut.text = json.substr(begin, end - begin);
  return cut;
}

}  // namespace gracedb::kafka
