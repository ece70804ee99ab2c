#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "support/error_message.hpp"
#include "support/test_server.hpp"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>

namespace gracedb::test_support {

/// The API root of a GraceDB with the service URL `service` ("http://127.0.0.1:1234/api/") and `version`
/// ("v2" or "").
nlohmann::json root_document(const std::string& service, const std::string& version);

/// A GraceDB that serves its API root; `handler` answers every other request.
class FakeGraceDb {
 public:
  explicit FakeGraceDb(TestServer::Handler handler = nullptr);

  std::string service_url() const { return server_.url("/api/"); }
  /// The requests other than those for an API root.
  std::vector<TestRequest> requests() const;
  std::vector<TestRequest> all_requests() const { return server_.requests(); }

 private:
  TestReply answer(const TestRequest& request) const;

  TestServer::Handler handler_;
  TestServer server_;
};

/// Options without credentials and with quick retries.
rest::GraceDbOptions anonymous(const std::string& service_url);

/// Retries after at most 5 ms.
rest::RetryPolicy quick_retries();

/// A process environment with these variables only, user 1000, and `temporary_directory` instead of "/tmp".
auth::Environment environment_of(std::map<std::string, std::string> variables,
                                 const std::string& temporary_directory = "/nonexistent");

}  // namespace gracedb::test_support
