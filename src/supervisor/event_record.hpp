#pragma once

#include "gracedb/logging.hpp"

#include "supervisor/rejection.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// What has become of a message.
enum class Outcome { ignored, skipped, uploaded, duplicate, set_aside };

/// "ignored", "skipped", "uploaded", "duplicate", "set_aside"
constexpr std::string_view name_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::ignored:
      return "ignored";
    case Outcome::skipped:
      return "skipped";
    case Outcome::uploaded:
      return "uploaded";
    case Outcome::duplicate:
      return "duplicate";
    case Outcome::set_aside:
      return "set_aside";
  }
  return "unknown";
}

/// A settled message, as the log and its readers want it.
struct EventRecord {
  Outcome outcome = Outcome::ignored;
  std::string graceid;  ///< empty where none was in it
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  int attempts = 0;                                       ///< uploads tried
  std::chrono::microseconds duration{0};                  ///< from its poll
  std::optional<std::chrono::microseconds> latency = {};  ///< from the producer's timestamp, if it has one
  std::optional<Rejection::Kind> rejection = {};          ///< set aside because of this
  std::string detail = {};  ///< why it was skipped or set aside; GraceDB's warnings
};

/// How loud the log speaks of it.
constexpr LogLevel level_of(const EventRecord& record) noexcept {
  const bool has_warnings = record.outcome == Outcome::uploaded && !record.detail.empty();
  return record.outcome == Outcome::set_aside || has_warnings ? LogLevel::warning : LogLevel::info;
}

}  // namespace gracedb::supervisor
