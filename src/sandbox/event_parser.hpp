#pragma once

#include "sandbox/event.hpp"

#include <stdexcept>
#include <string_view>

namespace gracedb::sandbox {

/// An event file that is not what its pipeline writes. The event is stored all the same.
class UnreadableEventFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads an event file in the format of its pipeline. The files of pipelines without a known format, and
/// those that cannot be told from their content, give no facts.
/// @throws UnreadableEventFile  says what is missing or malformed
EventFacts parse_event_file(std::string_view pipeline, std::string_view contents);

/// LIGO_LW with the tables coinc_inspiral, coinc_event and sngl_inspiral, gzipped or not.
EventFacts parse_coinc_file(std::string_view contents);

/// The "key: values" text of coherent WaveBurst.
EventFacts parse_cwb_file(std::string_view contents);

/// A JSON object with gpstime, far, ifos, … (MLy, aframe, GWAK, oLIB).
EventFacts parse_json_file(std::string_view pipeline, std::string_view contents);

/// A hardware injection: JSON, or LIGO_LW with a sim_inspiral table.
EventFacts parse_injection_file(std::string_view contents);

/// The alert of an external observatory: a GCN notice in JSON, or a VOEvent.
EventFacts parse_external_file(std::string_view contents);

}  // namespace gracedb::sandbox
