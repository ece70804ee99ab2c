#include "core/safe_line.hpp"

#include "core/redact.hpp"

#include <algorithm>
#include <cstddef>

namespace gracedb {
namespace {

constexpr std::size_t longest_line = 300;

std::string with_single_spaces(std::string_view text) {
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

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string shortened(std::string text) {
  if (text.size() <= longest_line) return text;
  constexpr std::string_view more = "…";
  std::size_t end = longest_line - more.size();
  while (end > 0 && continues_a_character(text[end]))
    --end;
  text.resize(end);
  return text.append(more);
}

}  // namespace

std::string on_one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    if (part.ends_with('.')) part.remove_suffix(1);
    if (part.empty()) continue;
    if (!line.empty()) line += "; ";
    line += part;
  }
  return line;
}

std::string safe_line(std::string_view text) { return shortened(with_single_spaces(redact(text))); }

}  // namespace gracedb
