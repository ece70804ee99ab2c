#include "core/text.hpp"

#include "core/redact.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace gracedb {
namespace {

constexpr std::size_t max_line_bytes = 300;

std::string collapse_spaces(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_space = byte <= 0x20 || byte == 0x7F;
    if (!is_space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.'))
    line.pop_back();
  return line;
}

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string truncate(std::string text) {
  if (text.size() <= max_line_bytes) return text;
  constexpr std::string_view ellipsis = "…";
  std::size_t end = max_line_bytes - ellipsis.size();
  while (end > 0 && is_continuation_byte(text[end]))
    --end;
  text.resize(end);
  return text.append(ellipsis);
}

struct Sequence {
  std::size_t length;  // 0: not UTF-8
  char32_t character;
};

// The UTF-8 sequence at the front of `bytes`: shortest form only, no surrogates.
Sequence sequence_at(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return {0, 0};
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  char32_t character = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {0, 0};
    character = (character << 6U) | (byte(i) & 0x3fU);
  }
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < smallest.at(length) || character > 0x10ffff || surrogate) return {0, 0};
  return {length, character};
}

bool is_control(char32_t character) { return character < 0x20 || (character >= 0x7f && character < 0xa0); }

std::string escape_controls(std::string_view text, bool one_line) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const Sequence sequence = sequence_at(text);
    const std::size_t length = sequence.length == 0 ? 1 : sequence.length;
    const char front = text.front();
    const bool is_layout = front == '\n' || front == '\t';
    if (is_layout && one_line) {
      escaped += front == '\n' ? "\\n" : "\\t";
    } else if (is_layout || (sequence.length != 0 && !is_control(sequence.character))) {
      escaped += text.substr(0, length);
    } else {
      for (const char c : text.substr(0, length)) {
        fmt::format_to(std::back_inserter(escaped), "\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    text.remove_prefix(length);
  }
  return escaped;
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

std::string join_lines(std::string_view text) {
  std::string joined;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.ends_with('.')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!joined.empty()) joined += "; ";
    joined += line;
  }
  return joined;
}

std::string safe_line(std::string_view text) { return truncate(collapse_spaces(redact(text))); }

std::string printable(std::string_view text) { return escape_controls(text, false); }

std::string printable_line(std::string_view text) { return escape_controls(text, true); }

std::string format_size(std::size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (value < 999.95e3) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{:.1f} MB", value / 1e6);
}

std::string count_of(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace gracedb
