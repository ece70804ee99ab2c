#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "rest/api_root.hpp"
#include "rest/session.hpp"
#include "rest/submitter.hpp"
#include "rest/warm_connection.hpp"

#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::rest {

class GraceDb::Impl {
 public:
  explicit Impl(GraceDbOptions options);

  Session& session() noexcept { return session_; }
  const std::string& api_version() const noexcept { return options_.api_version; }

  /// The root of the client's API version.
  const ApiRoot& root() { return root_.get(); }

  /// The root of the API that takes text queries: v2 has structured ones instead.
  const ApiRoot& query_root() { return options_.api_version == "v1" ? root_.get() : query_root_.get(); }

  /// Connects in the background, and stays connected.
  void warm_up();

  /// Made when it is first needed.
  Submitter& submitter();

  /// One request without a body to an address of the API root.
  Response request(Method method, std::string_view template_name, Substitutions substitutions);

 private:
  const GraceDbOptions options_;
  Session session_;
  ApiRootCache root_;
  ApiRootCache query_root_;
  std::mutex mutex_;  ///< guards the making of the two below
  std::optional<WarmConnection> warm_connection_;
  std::optional<Submitter> submitter_;  // uses the session and the root until it has ended
};

/// @throws std::invalid_argument  empty
void require_graceid(std::string_view graceid);

}  // namespace gracedb::rest
