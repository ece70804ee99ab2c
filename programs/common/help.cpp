#include "common/help.hpp"

#include <algorithm>

namespace gracedb::programs {
namespace {

constexpr std::size_t width = 100;
constexpr std::size_t indent = 2;
constexpr std::size_t column = 32;  // where the meaning begins

std::string wrapped(std::string_view text) {
  std::string lines;
  while (text.size() > width - column) {
    std::size_t end = text.rfind(' ', width - column);
    if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    lines.append(text.substr(0, end)).append(1, '\n').append(column, ' ');
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines.append(text).append(1, '\n');
}

std::string entry_text(const std::string& name, const std::string& meaning) {
  std::string text = std::string(indent, ' ') + name;
  if (meaning.empty()) return text + '\n';
  if (text.size() + 2 > column) text.append(1, '\n').append(column, ' ');
  text.resize(std::max(text.size(), column), ' ');
  return text + wrapped(meaning);
}

}  // namespace

std::string lay_out(const std::vector<HelpSection>& sections) {
  std::string text;
  for (const HelpSection& section : sections) {
    if (section.entries.empty()) continue;
    text += (text.empty() ? "" : "\n") + section.heading + ":\n";
    for (const auto& [name, meaning] : section.entries) {
      text += entry_text(name, meaning);
    }
  }
  return text;
}

}  // namespace gracedb::programs
