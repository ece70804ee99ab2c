#include "core/redact.hpp"

#include <algorithm>

namespace gracedb {
namespace {

bool is_base64url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '=';
}

}  // namespace

std::string redact(std::string_view text) {
  // A JWT is two or three base64url parts with dots between; the first is a JSON object, so it begins with
  // "eyJ" ('{"' in base64). A header cut off before its dot gives nothing away and stays.
  constexpr std::string_view start = "eyJ";
  std::string safe;
  safe.reserve(text.size());
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t found = text.find(start, position);
    if (found == std::string_view::npos) break;
    const auto* end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(found), text.end(),
                                       [](char c) { return is_base64url(c) || c == '.'; });
    const std::string_view run(
        text.data() + found,
        static_cast<std::size_t>(end - (text.begin() + static_cast<std::ptrdiff_t>(found))));
    safe.append(text, position, found - position);
    const std::size_t dot = run.find('.');
    const bool is_token = dot != std::string_view::npos && dot + 1 < run.size();
    safe.append(is_token ? std::string_view("[token]") : run);
    position = found + run.size();
  }
  safe.append(text, std::min(position, text.size()));
  return safe;
}

}  // namespace gracedb
