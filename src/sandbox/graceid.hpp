#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gracedb::sandbox {

/// The letter a graceid begins with; the first rule that fits: group Test gives T, search MDC M, pipeline
/// HardwareInjection H, group Detchar D, group External E, anything else G.
char graceid_prefix(std::string_view group, std::string_view pipeline,
                    std::optional<std::string_view> search);

/// ('T', 7) gives "T0007". All prefixes share one counter.
std::string format_graceid(char prefix, std::int64_t number);

struct Graceid {
  char prefix;
  std::int64_t number;

  /// True if this names the event (prefix, number); 'G' stands for any prefix.
  bool names(char event_prefix) const noexcept { return prefix == 'G' || prefix == event_prefix; }
};

/// A content id as a way to name an event; lower case.
using ContentId = std::string;

/// Reads "T0007", or the UUID of a content id.
/// @return nothing where it is neither
std::optional<std::variant<Graceid, ContentId>> parse_event_id(std::string_view text);

}  // namespace gracedb::sandbox
