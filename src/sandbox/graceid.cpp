#include "sandbox/graceid.hpp"

#include <fmt/format.h>

#include <cctype>
#include <charconv>

namespace gracedb::sandbox {
namespace {

std::optional<Graceid> parse_graceid(std::string_view text) {
  if (text.size() < 2 || std::string_view("GTMHDE").find(text.front()) == std::string_view::npos) return {};
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, number);
  if (error != std::errc() || stop != end || number < 0) return {};
  return Graceid{text.front(), number};
}

std::optional<ContentId> parse_content_id(std::string_view text) {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != shape.size()) return {};
  std::string lower;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (shape[i] == '-' ? c != '-' : std::isxdigit(c) == 0) return {};
    lower += static_cast<char>(std::tolower(c));
  }
  return lower;
}

}  // namespace

char graceid_prefix(std::string_view group, std::string_view pipeline,
                    std::optional<std::string_view> search) {
  if (group == "Test") return 'T';
  if (search == "MDC") return 'M';
  if (pipeline == "HardwareInjection") return 'H';
  if (group == "Detchar") return 'D';
  if (group == "External") return 'E';
  return 'G';
}

std::string format_graceid(char prefix, std::int64_t number) {
  return fmt::format("{}{:04}", prefix, number);
}

std::optional<std::variant<Graceid, ContentId>> parse_event_id(std::string_view text) {
  if (const auto graceid = parse_graceid(text)) return *graceid;
  if (auto content_id = parse_content_id(text)) return *std::move(content_id);
  return {};
}

}  // namespace gracedb::sandbox
