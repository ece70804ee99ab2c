#pragma once

#include "sandbox/store.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

/// Event files in the formats of the pipelines.
namespace gracedb::sandbox {

/// The file is not in the format of its pipeline. GraceDB stores the event and adds a warning.
class UnreadableEventFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses an event file in the format of its pipeline: LIGO_LW, coherent WaveBurst text, JSON, hardware
/// injection, GCN notice or VOEvent. Pipelines without a known format give empty facts.
/// @throws UnreadableEventFile  says what is missing or malformed
EventFacts parse_event_file(std::string_view pipeline, std::string_view contents);

/// LIGO_LW with the tables coinc_inspiral, coinc_event and sngl_inspiral, gzipped or not.
/// @throws UnreadableEventFile
EventFacts parse_coinc_file(std::string_view contents);

/// LIGO_LW with the table sim_inspiral, gzipped or not.
/// @throws UnreadableEventFile
EventFacts parse_sim_inspiral_file(std::string_view contents);

/// The integer part of `number`; empty if an int64 cannot hold it.
std::optional<std::int64_t> to_integer(std::optional<double> number);

}  // namespace gracedb::sandbox
