#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/mutex.hpp"
#include "rest/api_root.hpp"
#include "rest/session.hpp"
#include "rest/submit.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gracedb::rest {

/// The parts of a GraceDb client. gracedb.cpp has its resources, submit.cpp its events.
///
/// Lock order: none of its locks is held while another is acquired.
class GraceDb::Impl {
 public:
  explicit Impl(GraceDbOptions options);

  Session& session() noexcept { return session_; }
  const std::string& api_version() const noexcept { return options_.api_version; }

  /// The root of the client's API version.
  const ApiRoot& root() { return root_.get(); }

  /// The root of the API with text queries, which v2 does not have.
  const ApiRoot& query_root() { return options_.api_version == "v1" ? root_.get() : query_root_.get(); }

  /// Connects in the background and, with keep_warm, keeps the connection open.
  void warm_up() EXCLUDES(mutex_);

  /// Created at the first call.
  Submitter& submitter() EXCLUDES(mutex_);

  /// A request without a body to a URL template of the API root.
  Response request(Method method, std::string_view template_name, Substitutions substitutions);

 private:
  const GraceDbOptions options_;
  Session session_;
  ApiRootCache root_;
  ApiRootCache query_root_;
  // Held while an object below is created, not while it is used.
  Mutex mutex_;
  std::optional<WarmConnection> warm_connection_ GUARDED_BY(mutex_);
  // Uses the session and the root until it is destroyed.
  std::optional<Submitter> submitter_ GUARDED_BY(mutex_);
};

/// @throws std::invalid_argument  empty
void require_graceid(std::string_view graceid);

}  // namespace gracedb::rest
