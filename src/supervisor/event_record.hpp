#pragma once

#include "gracedb/logging.hpp"

#include "supervisor/rejection.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// How a message was settled.
enum class Outcome { ignored, skipped, uploaded, duplicate, dead_letter };

/// "ignored", "skipped", "uploaded", "duplicate", "dead_letter"
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
    case Outcome::dead_letter:
      return "dead_letter";
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
  std::optional<Rejection::Kind> rejection = {};          ///< why it is a dead letter
  std::string detail = {};  ///< why it was skipped or rejected; GraceDB's warnings
};

/// Log level for this record.
constexpr LogLevel level_of(const EventRecord& record) noexcept {
  const bool has_warnings = record.outcome == Outcome::uploaded && !record.detail.empty();
  return record.outcome == Outcome::dead_letter || has_warnings ? LogLevel::warning : LogLevel::info;
}

}  // namespace gracedb::supervisor
