#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "core/mutex.hpp"

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

/// HTTP on libcurl's multi interface: requests, their outcome, and the two ways to send them. HttpEngine runs
/// many requests on one thread; HttpClient sends one request for each calling thread.
namespace gracedb::rest {

enum class Method { get, head, post, put, remove };

/// "GET", "HEAD", "POST", "PUT", "DELETE"
std::string_view name_of(Method method);

/// Form fields; a name may repeat.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// Sent as application/x-www-form-urlencoded.
struct Form {
  Fields fields;
};

/// A file in a multipart body. Its contents are not copied and must outlive the request.
struct FilePart {
  /// Name of the form field.
  std::string field;
  /// Name without directories.
  std::string file_name;
  std::string_view contents;
};

/// Sent as multipart/form-data: the fields, then the file.
struct Multipart {
  Fields fields;
  std::optional<FilePart> file = {};
};

/// Sent as application/json.
struct JsonText {
  std::string text;
};

/// A request without its credentials.
struct HttpRequest {
  Method method = Method::get;
  std::string url = {};
  std::variant<std::monostate, Form, Multipart, JsonText> body = {};
  /// True if the request is idempotent: it is resent if the connection breaks while it is in flight.
  bool repeatable = true;
};

/// The credentials of a request; neither for an anonymous one.
struct Authorization {
  std::optional<std::string> token;
  std::optional<Certificate> certificate;
};

/// The settings of every connection of a client.
struct ConnectionSettings {
  std::optional<std::string> ca_cert_path;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};
};

/// Why a request has no response.
struct ExchangeFailure {
  enum class Kind { resolve, connect, certificate, timeout, lost, other };
  Kind kind = Kind::other;
  /// For example "Connection refused".
  std::string reason;
  /// True if some of the request was sent, so that the server may have processed it.
  bool sent = false;
};

/// The outcome of sending a request once: a response or a failure.
struct Exchange {
  Response response;
  std::optional<ExchangeFailure> failure;
};

/// Runs many requests at a time on one thread over persistent connections. Only wake() is thread-safe.
class HttpEngine {
 public:
  using Id = std::uint64_t;
  struct Finished {
    Id id = 0;
    Exchange exchange;
  };

  /// @param most_connections  open at a time; further requests wait for one
  /// @throws std::runtime_error  libcurl cannot be initialized
  HttpEngine(ConnectionSettings settings, std::size_t most_connections);
  ~HttpEngine();
  HttpEngine(const HttpEngine&) = delete;
  HttpEngine& operator=(const HttpEngine&) = delete;

  /// True if a request would be sent at once, over a free connection or as another stream of HTTP/2. More can
  /// be started, but each call of run() costs time for each of them.
  bool has_room() const noexcept;

  /// Starts a request. The contents of its file must stay valid until it has finished or is cancelled.
  void start(Id id, HttpRequest request, const Authorization& authorization);

  /// Aborts a request. No-op if there is no such request.
  void cancel(Id id);

  /// Sends and receives until a request has finished, `timeout` has passed or wake() is called.
  std::vector<Finished> run(std::chrono::milliseconds timeout);

  /// Ends the current run(), or the next one. Thread-safe.
  void wake() noexcept;

  /// The open connection of the request that finished last; CURL_SOCKET_BAD if there is none.
  curl_socket_t last_socket() const noexcept { return last_socket_; }

 private:
  struct Running;
  using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

  Handle take_handle();
  std::vector<Finished> harvest();
  void note_connection(CURL* handle) noexcept;
  void retire(Id id);

  const ConnectionSettings settings_;
  const std::size_t most_connections_;
  bool has_streams_ = false;  // the server supports HTTP/2
  curl_socket_t last_socket_ = CURL_SOCKET_BAD;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_;
  std::unordered_map<Id, std::unique_ptr<Running>> running_;
  std::unordered_map<CURL*, Id> ids_;
  std::vector<Handle> idle_;
};

/// Sends one request at a time for each calling thread. Threads share persistent connections. Thread-safe.
class HttpClient {
 public:
  explicit HttpClient(ConnectionSettings settings) : settings_(std::move(settings)) {}

  /// Sends `request` once. A failure is returned, not thrown.
  /// @throws what the thread's Interruptible throws
  Exchange send(const HttpRequest& request, const Authorization& authorization) EXCLUDES(mutex_);

  /// The idle connection that the next request will use.
  struct Idle {
    /// Since its last use.
    std::chrono::steady_clock::duration time{};
    /// False if the server has closed it.
    bool is_open = false;
  };
  /// Empty if there is no idle connection, for example during a request on the only one.
  std::optional<Idle> idle() EXCLUDES(mutex_);

  const ConnectionSettings& settings() const noexcept { return settings_; }

 private:
  using EnginePtr = std::unique_ptr<HttpEngine>;

  EnginePtr take() EXCLUDES(mutex_);
  void give_back(EnginePtr engine) EXCLUDES(mutex_);

  const ConnectionSettings settings_;
  // The only lock of this file; not held during a request.
  Mutex mutex_;
  // One for each request in flight; the last one was used most recently.
  std::vector<EnginePtr> idle_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point last_use_ GUARDED_BY(mutex_);
};

}  // namespace gracedb::rest
