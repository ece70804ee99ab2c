#pragma once

#include "http/address.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The HTTP server of the sandbox; requests and answers without the types of the HTTP library.
namespace gracedb::sandbox {

struct UploadedFile {
  /// Without directories.
  std::string name;
  std::string contents;
};

using Fields = std::multimap<std::string, std::string, std::less<>>;

struct Request {
  std::string method;
  /// Decoded segments; a trailing slash makes no difference.
  std::vector<std::string> path;
  Fields query;
  /// The fields of a form, multipart or URL-encoded.
  Fields form;
  /// By field name.
  std::map<std::string, UploadedFile, std::less<>> files;
  /// Unless it is a multipart form.
  std::string body;

  std::string user_agent;
  std::string authorization;
  /// "http://localhost:8080/", from the Host header.
  std::string root;

  /// The authenticated user; empty for an anonymous one.
  std::optional<std::string> user;
  /// Root of the requested API version: "http://localhost:8080/api/v2/".
  std::string api;
  bool is_v1 = false;
  /// The values of the route's {names}.
  std::map<std::string, std::string, std::less<>> path_fields;

  /// The first value of a form field; empty if the field is missing or empty.
  std::optional<std::string> field(std::string_view name) const;
  /// The values of a form field that are not empty, in order.
  std::vector<std::string> fields(std::string_view name) const;
  /// As field(), of the query.
  std::optional<std::string> query_field(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::string body;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;

  Answer& with_header(std::string name, std::string value) &;
  Answer with_header(std::string name, std::string value) &&;
};

Answer json_answer(int status, const nlohmann::json& document);
/// @param json  the document as text
Answer json_text_answer(int status, std::string json);
Answer text_answer(int status, std::string text);
Answer file_answer(std::string contents);
Answer empty_answer(int status);

/// Thrown by a handler to end a request with this answer.
class Rejection {
 public:
  explicit Rejection(Answer answer) : answer_(std::move(answer)) {}
  Answer& answer() noexcept { return answer_; }

 private:
  Answer answer_;
};

/// Decodes "a%20b" to "a b"; a '%' that starts no escape is kept. '+' is a space if `plus_is_space`.
std::string percent_decode(std::string_view text, bool plus_is_space);
/// Parses "a=1&b=2".
Fields parse_form(std::string_view text);
/// "/api/v2/events/T0001/" gives {"api", "v2", "events", "T0001"}.
std::vector<std::string> parse_path(std::string_view path);

/// The connection of one request, for fault injection.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// Waits; returns early when the server stops.
  virtual void wait(std::chrono::milliseconds time) = 0;
  /// Waits until the client closes the connection or the server stops.
  virtual void wait_for_close() = 0;
  /// Closes the connection; the answer is not sent.
  virtual void close() = 0;
};

class HttpServer {
 public:
  struct Options {
    http::Address address{};
    /// PEM; with `tls_key` for HTTPS.
    std::optional<std::filesystem::path> tls_certificate;
    std::optional<std::filesystem::path> tls_key;
  };
  /// Called on the thread of the connection. Any exception but Rejection becomes an answer with status 500.
  using Handler = std::function<Answer(Request&, Exchange&)>;

  /// Binds the port; connections are served from start() on.
  /// @throws std::runtime_error  the port or the certificate cannot be used
  explicit HttpServer(Options options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const noexcept;

  void start(Handler handler);
  /// Closes all connections, also during requests, and joins all threads.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace gracedb::sandbox
