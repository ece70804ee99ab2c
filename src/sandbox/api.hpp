#pragma once

#include "sandbox/faults.hpp"
#include "sandbox/http.hpp"
#include "sandbox/store.hpp"
#include "sandbox/tokens.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace gracedb::sandbox {

class Router;

/// Takes an alert that the store has kept; must not block.
using PublishAlert = std::function<void(const Alert&)>;

/// Answers requests: the GraceDB API below "/api/", "/api/v1/" and "/api/v2/" (without a version: v2), with
/// authentication and fault injection, and open to everyone, for tests and clients that look up a key:
/// - GET /sandbox/health
/// - GET /sandbox/events   reservations and events with details of their upload
/// - GET /sandbox/alerts   all igwn-alerts with their topics
/// - GET /sandbox/faults   the faults that can still happen; POST a JSON list of specs to replace them
/// - GET /sandbox/jwks.json and /.well-known/openid-configuration
///
/// Where GraceDB's documentation is silent:
/// - A reservation is not an event: GET answers 404.
/// - Each reservation gets a new graceid, also for content that was reserved before.
/// - An upload answers 409 if its content is not what its reservation announced, or not that of the complete
///   event.
class Api {
 public:
  struct Options {
    std::string instance_name;
    std::string issuer;
    /// The issuer's JSON Web Key Set.
    std::string jwks;
    /// Before each answer of the GraceDB API.
    std::chrono::milliseconds answer_delay{0};
  };

  /// The references must outlive this.
  /// @param verifier  nullptr: everyone is authenticated as "sandbox"
  Api(EventStore& store, FaultPlan& faults, TokenVerifier* verifier, PublishAlert publish, Options options);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// @throws Rejection
  Answer answer(Request& request, Exchange& exchange) const;

 private:
  Answer answer_api(Request& request, Exchange& exchange) const;
  std::optional<std::string> authenticate(std::string_view authorization) const;

  FaultPlan& faults_;
  TokenVerifier* verifier_;
  std::chrono::milliseconds answer_delay_;
  std::unique_ptr<Router> api_routes_;
  std::unique_ptr<Router> sandbox_routes_;
};

}  // namespace gracedb::sandbox
