#pragma once

#include "sandbox/event_store.hpp"

#include <stdexcept>
#include <string_view>

namespace gracedb::sandbox {

class InvalidQuery : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// GraceDB's text query as a condition on events. Terms with a space between must all hold; several names of
/// one kind mean any of them. Test and MDC events are left out unless asked for, by name or by graceid.
///
///     group: Test pipeline: gstlal         CBC gstlal LowMass        T0007        G0001 .. G0100
///     far < 1e-7                           gpstime: 1187008880 .. 1187008890      created: yesterday .. now
///     label: EM_READY & ~DQV | INJ         submitter: "albert.einstein"           replay_id: run-7
///
/// @param now  what "now" and "today" mean
/// @throws InvalidQuery
EventFilter parse_event_query(std::string_view query, TimePoint now);

/// "-created,far" as an SQL order.
/// @throws InvalidQuery  unknown field
std::string parse_event_order(std::string_view text);

}  // namespace gracedb::sandbox
