#pragma once

#include "sandbox/event_store.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/router.hpp"

namespace gracedb::sandbox {

/// What GraceDB does not have and tests need, open to everybody:
/// - GET /sandbox/health
/// - GET /sandbox/events   reservations and events, with what is known of their upload
/// - GET /sandbox/alerts   every igwn-alert so far, with its topic
/// - GET /sandbox/faults   the faults in force; POST a JSON list of specs to replace them
/// - GET /sandbox/jwks.json and /.well-known/openid-configuration   for clients that look an issuer's key up
///
/// @param jwks  the issuer's JSON Web Key Set
Router make_own_routes(const EventStore& store, FaultPlan& faults, const std::string& issuer,
                       const std::string& jwks);

}  // namespace gracedb::sandbox
