#pragma once

#include "sandbox/event_endpoints.hpp"
#include "sandbox/router.hpp"

namespace gracedb::sandbox {

/// The GraceDB API: "/api/", "/api/v1/…" and "/api/v2/…". The unversioned root speaks v2.
class Api {
 public:
  Api(EventStore& store, PublishAlert publish, std::string instance_name);

  /// The route of a request whose path begins with "api"; fills in what depends on the API version.
  /// @throws Refusal  404 or 405
  const Route& route(Request& request) const;

  /// Checks what every request must satisfy, then lets the route's handler answer.
  static Answer answer(const Route& route, const Request& request);

 private:
  void add_event_routes();

  EventEndpoints events_;
  Router router_;
};

}  // namespace gracedb::sandbox
