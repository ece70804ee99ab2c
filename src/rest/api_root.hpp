#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/mutex.hpp"
#include "core/url.hpp"
#include "rest/session.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

/// The API root: GraceDB's links, URL templates, groups, pipelines, searches and labels.
///
/// The request for it is implemented once: a caller that has its own HttpEngine sends ApiRoot::request() and
/// passes the answer to ApiRoot::parse(); everyone else uses ApiRootCache.
namespace gracedb::rest {

class ApiRoot {
 public:
  /// The request for the API root of a service.
  /// @param version  "v2", "v1", or "default" for the server's own choice
  static HttpRequest request(const Url& service, std::string_view version);

  /// Reads the answer, whose status is below 400, to that request.
  /// @throws HttpError  not an API root
  static ApiRoot parse(const HttpRequest& request, const Response& response, const Url& service);

  /// @param url  the URL of `document`
  ApiRoot(nlohmann::json document, std::string url, Url service);

  const nlohmann::json& document() const noexcept { return document_; }

  /// The URL with this name under `links`.
  /// @throws HttpError  there is none, or it is on another host
  std::string link(std::string_view name) const;

  /// The URL template with this name, filled in.
  /// @throws HttpError  as link()
  std::string expand(std::string_view template_name, Substitutions substitutions) const;

  /// Checks a URL that the server sent: credentials must not go to another host.
  /// @throws HttpError  it is on another host
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

/// Fetches an API root at the first get() and keeps it. Thread-safe: concurrent calls wait for one request. A
/// failed fetch is thrown to all of them and not kept.
class ApiRootCache {
 public:
  /// @param version  "v2", "v1" or "default"
  ApiRootCache(Session& session, std::string version);

  /// @throws std::invalid_argument  this GraceDB does not offer the version; names those it does
  /// @throws HttpError, HttpConnectionError
  const ApiRoot& get() EXCLUDES(mutex_);

 private:
  std::unique_ptr<const ApiRoot> fetch();
  [[noreturn]] void throw_unknown_version(const HttpError& error);

  Session& session_;
  const std::string version_;
  // Not held during a request.
  Mutex mutex_;
  // Of the fetch in progress, or of the successful one.
  std::shared_future<const ApiRoot*> outcome_ GUARDED_BY(mutex_);
  // Written by the only fetch that succeeds.
  std::unique_ptr<const ApiRoot> root_;
};

/// Connects and fetches the API root in the background, and keeps the connection open, so that an event after
/// a long pause does not wait for TCP and TLS handshakes.
///
/// Checks the idle socket twice a second, without traffic. If the server has closed the connection, it
/// reconnects at once, and from then on sends a HEAD request shortly before the server would close the
/// connection again.
class WarmConnection {
 public:
  /// `session` and `root` must outlive it.
  /// @param stay  keep the connection open; false: only connect and fetch the API root
  WarmConnection(Session& session, ApiRootCache& root, bool stay);
  /// Aborts a request in flight.
  ~WarmConnection();
  WarmConnection(const WarmConnection&) = delete;
  WarmConnection& operator=(const WarmConnection&) = delete;

 private:
  void run() noexcept;
  void keep_open();
  bool is_stopped_within(std::chrono::milliseconds time) EXCLUDES(mutex_);
  void check_connection();

  Session& session_;
  ApiRootCache& root_;
  const bool stay_;
  // Used by the thread only.
  std::chrono::steady_clock::duration longest_idle_time_;
  // Written under mutex_, so that no wake-up is lost; read without it during a request.
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar stopped_;
  std::thread thread_;
};

}  // namespace gracedb::rest
