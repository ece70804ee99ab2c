#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// GraceDB's conventions that need no state: names, graceids, times, and the API root document.
namespace gracedb::sandbox {

/// In the resolution of the database.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

inline TimePoint now() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

template <typename T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

/// UTC as GPS seconds, with leap seconds.
double to_gps(TimePoint utc);

std::span<const std::string_view> groups();
std::span<const std::string_view> pipelines();
std::span<const std::string_view> searches();
std::span<const std::string_view> labels();

bool is_group(std::string_view name);
bool is_pipeline(std::string_view name);
bool is_search(std::string_view name);
bool is_label(std::string_view name);

/// True for a label that represents a signoff and cannot be set by hand, for example "H1OK".
bool is_protected_label(std::string_view name);

/// True for the identifier of a replay analysis: 1 to 30 characters of A-Z a-z 0-9 _ -.
bool is_replay_id(std::string_view text);

/// The first letter of a graceid, by the first rule that matches: group Test gives T, search MDC M, pipeline
/// HardwareInjection H, group Detchar D, group External E, anything else G.
char graceid_prefix(std::string_view group, std::string_view pipeline,
                    std::optional<std::string_view> search);

/// ('T', 7) gives "T0007". All prefixes share one counter.
std::string format_graceid(char prefix, std::int64_t number);

struct Graceid {
  char prefix;
  std::int64_t number;

  /// True if this is the graceid of an event with this prefix; 'G' matches any prefix.
  bool matches(char event_prefix) const noexcept { return prefix == 'G' || prefix == event_prefix; }
};

/// A UUID in lower case.
using ContentId = std::string;

/// Parses "T0007", or the UUID of a content id; empty for other text.
std::optional<std::variant<Graceid, ContentId>> parse_event_id(std::string_view text);

/// The document of the API root: links, URL templates and names.
/// @param api  root of the requested API version, for example "http://localhost:8080/api/v2/"
nlohmann::json api_root(std::string_view api);

}  // namespace gracedb::sandbox
