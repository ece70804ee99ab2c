#pragma once

#include "sandbox/store.hpp"

#include <stdexcept>
#include <string_view>

namespace gracedb::sandbox {

class InvalidQuery : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses GraceDB's text query. All terms must match; of several names of one kind, one must match. Test and
/// MDC events are excluded unless the query names them, by group, search or graceid.
///
///     group: Test pipeline: gstlal         CBC gstlal LowMass        T0007        G0001 .. G0100
///     far < 1e-7                           gpstime: 1187008880 .. 1187008890      created: yesterday .. now
///     label: EM_READY & ~DQV | INJ         submitter: "albert.einstein"           replay_id: run-7
///
/// @param now  the meaning of "now" and "today"
/// @throws InvalidQuery
EventFilter parse_event_query(std::string_view query, TimePoint now);

/// Parses "-created,far" into an SQL order.
/// @throws InvalidQuery  unknown field
std::string parse_event_order(std::string_view text);

}  // namespace gracedb::sandbox
