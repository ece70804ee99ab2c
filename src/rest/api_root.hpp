#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/url.hpp"
#include "rest/session.hpp"

#include <nlohmann/json.hpp>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace gracedb::rest {

/// GraceDB's description of itself: where things are, and which groups, pipelines, searches and labels there
/// are.
class ApiRoot {
 public:
  /// @param url  where `document` was found
  ApiRoot(nlohmann::json document, std::string url, Url service);

  const nlohmann::json& document() const noexcept { return document_; }

  /// The URL under `links`.
  /// @throws HttpError  there is none, or it leads to another host
  std::string link(std::string_view name) const;

  /// The URL template of that name filled in.
  /// @throws as link()
  std::string expand(std::string_view template_name, Substitutions substitutions) const;

  /// @throws HttpError  `url`, which the server gave, leads to another host
  void require_on_host(const std::string& url) const;

  /// @throws std::invalid_argument  this GraceDB does not know the group, the pipeline, the search or a label
  void check_event(const CreateEventOptions& event) const;

 private:
  std::string find(std::string_view section, std::string_view name) const;
  void check_known(std::string_view what, const std::string& list, const std::string& value) const;

  nlohmann::json document_;
  std::string url_;
  Url service_;
};

/// Fetches one API root when it is first needed. Safe to share between threads: those that ask meanwhile wait
/// for the same answer. A failure is given to them all and then forgotten.
class ApiRootCache {
 public:
  /// @param version  "v2", "v1" or "default"
  ApiRootCache(Session& session, std::string version);

  /// @throws std::invalid_argument  this GraceDB does not offer the version; names those it does
  /// @throws HttpError, HttpConnectionError
  const ApiRoot& get();

 private:
  std::unique_ptr<const ApiRoot> fetch();
  nlohmann::json fetch_document(const std::string& url);
  [[noreturn]] void refuse_version(const HttpError& refusal);

  Session& session_;
  const std::string version_;
  std::mutex mutex_;
  std::shared_future<const ApiRoot*> outcome_;  ///< of the fetch that is under way or was successful
  std::unique_ptr<const ApiRoot> root_;
};

}  // namespace gracedb::rest
