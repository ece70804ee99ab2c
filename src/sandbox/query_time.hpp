#pragma once

#include "sandbox/event.hpp"
#include "sandbox/query_lexer.hpp"

#include <optional>

namespace gracedb::sandbox {

/// A time in a query: "now", "today", "yesterday", "2026-11-22", "2026-11-22 03:04:05", "3 days ago".
struct QueryTime {
  TimePoint begin;
  TimePoint end;  ///< of the day, where only a day is given
};

/// Reads a time at `position` and moves it past what was read.
/// @throws InvalidQuery
QueryTime parse_query_time(const std::vector<QueryToken>& tokens, std::size_t& position, TimePoint now);

}  // namespace gracedb::sandbox
