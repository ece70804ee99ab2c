#include "core/redact.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gracedb {
namespace {

bool is_token_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

// The lengths of the first two dot-separated parts; the second is 0 without a dot.
std::pair<std::size_t, std::size_t> lengths_of_first_parts(std::string_view text) {
  const std::size_t first = std::min(text.find('.'), text.size());
  const std::string_view rest = text.substr(std::min(first + 1, text.size()));
  return {first, std::min(rest.find('.'), rest.size())};
}

// The start of a JWT in a run of token characters. Its header is a JSON object: '{"' is "eyJ" in base64,
// which is searched anywhere in the run. A header with white space after the brace begins like an ordinary
// word, so it must start the run and have the length of a real one. A header that is cut off before its dot
// reveals no secret.
std::size_t find_token(std::string_view run) {
  const std::size_t compact = run.find("eyJ");
  if (compact != std::string_view::npos) {
    const std::size_t dot = run.find('.', compact);
    return dot == std::string_view::npos || dot + 1 == run.size() ? std::string_view::npos : compact;
  }
  constexpr std::array<std::string_view, 4> spaced{"eyA", "ewo", "ew0", "ewk"};
  const bool starts_spaced = std::any_of(spaced.begin(), spaced.end(),
                                         [run](std::string_view start) { return run.starts_with(start); });
  const auto [header, payload] = lengths_of_first_parts(run);
  return starts_spaced && header >= 16 && payload >= 16 ? 0 : std::string_view::npos;
}

}  // namespace

std::string redact(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const auto run_length = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), is_token_character) - text.begin());
    const std::string_view run = text.substr(0, run_length);
    const std::size_t token = find_token(run);
    safe.append(run.substr(0, token));
    if (token != std::string_view::npos) safe.append("[token]");
    text.remove_prefix(run_length);
    const auto gap_length =
        static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_token_character) - text.begin());
    safe.append(text.substr(0, gap_length));
    text.remove_prefix(gap_length);
  }
  return safe;
}

}  // namespace gracedb
