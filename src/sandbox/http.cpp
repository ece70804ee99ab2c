#include "sandbox/http.hpp"

#include "core/json.hpp"
#include "core/log.hpp"
#include "core/mutex.hpp"
#include "http/listener.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace gracedb::sandbox {
namespace {

constexpr log::Logger logger{"gracedb.sandbox.http"};
constexpr std::size_t max_request_size = 64U << 20U;
constexpr std::size_t max_connections = 1024;
constexpr std::chrono::seconds keep_alive{300};
constexpr std::chrono::seconds transfer_timeout{30};

std::string base_name(const std::string& name) { return name.substr(name.find_last_of("/\\") + 1); }

bool has_body(const httplib::Request& request) {
  return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

/// Adds a part of a multipart form to the request. @return where its contents go
std::string& add_part(Request& request, const httplib::MultipartFormData& part) {
  if (part.filename.empty()) return request.form.emplace(part.name, "")->second;
  UploadedFile& file = request.files[part.name];
  file = {base_name(part.filename), {}};
  return file.contents;
}

/// @return false if the body is too long or malformed; the library has set the status then
bool read_body(const httplib::Request& received, const httplib::ContentReader& content, Request& request) {
  if (!has_body(received)) return true;
  std::string* target = &request.body;
  const auto append = [&target](const char* data, std::size_t size) {
    target->append(data, size);
    return true;
  };
  if (received.is_multipart_form_data()) {
    return content(
        [&](const httplib::MultipartFormData& part) {
          target = &add_part(request, part);
          return true;
        },
        append);
  }
  const bool is_complete = content(append);
  if (received.get_header_value("Content-Type").starts_with("application/x-www-form-urlencoded")) {
    request.form = parse_form(request.body);
  }
  return is_complete;
}

Request to_request(const httplib::Request& received, std::string_view scheme) {
  Request request;
  request.method = received.method == "HEAD" ? "GET" : received.method;
  const std::size_t question = received.target.find('?');
  request.path = parse_path(received.target.substr(0, question));
  if (question != std::string::npos)
    request.query = parse_form(std::string_view{received.target}.substr(question + 1));
  request.user_agent = received.get_header_value("User-Agent");
  request.authorization = received.get_header_value("Authorization");
  std::string host = received.get_header_value("Host");
  if (host.empty()) host = "localhost:" + std::to_string(received.local_port);
  request.root = std::string(scheme) + "://" + host + "/";
  return request;
}

void write_answer(Answer&& answer, httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers)
    response.set_header(name, value);
  response.body = std::move(answer.body);
  if (!answer.content_type.empty()) response.set_header("Content-Type", answer.content_type);
}

std::optional<std::string> first_value(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  if (found == fields.end() || found->second.empty()) return {};
  return found->second;
}

/// Set once when the server stops.
class StopFlag {
 public:
  void set() {
    {
      const MutexLock lock(mutex_);
      is_set_ = true;
    }
    changed_.notify_all();
  }
  /// @return true if the flag is set before `time` has passed
  bool wait_for(std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    const MutexLock lock(mutex_);
    while (!is_set_) {
      if (!changed_.wait_until(mutex_, deadline)) break;
    }
    return is_set_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_set_ GUARDED_BY(mutex_) = false;
};

class TcpExchange : public Exchange {
 public:
  TcpExchange(http::Peer peer, StopFlag& stop) : peer_(std::move(peer)), stop_(stop) {}

  void wait(std::chrono::milliseconds time) override {
    if (time.count() > 0) stop_.wait_for(time);
  }
  void wait_for_close() override {
    constexpr std::chrono::milliseconds poll_interval{50};
    while (!http::is_closed_by_peer(peer_)) {
      if (stop_.wait_for(poll_interval)) return;
    }
  }
  void close() override { http::shut_down_connection(peer_); }

 private:
  http::Peer peer_;
  StopFlag& stop_;
};

}  // namespace

std::optional<std::string> Request::field(std::string_view name) const { return first_value(form, name); }

std::optional<std::string> Request::query_field(std::string_view name) const {
  return first_value(query, name);
}

std::vector<std::string> Request::fields(std::string_view name) const {
  std::vector<std::string> values;
  const auto [begin, end] = form.equal_range(name);
  for (auto field = begin; field != end; ++field) {
    if (!field->second.empty()) values.push_back(field->second);
  }
  return values;
}

Answer& Answer::with_header(std::string name, std::string value) & {
  headers.emplace_back(std::move(name), std::move(value));
  return *this;
}

Answer Answer::with_header(std::string name, std::string value) && {
  headers.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

Answer json_answer(int status, const nlohmann::json& document) {
  return json_text_answer(status, dump_json(document));
}

Answer json_text_answer(int status, std::string json) {
  // With a charset, the HTTP library does not compress the answer, which is slow for small ones.
  return {status, std::move(json), "application/json; charset=utf-8", {}};
}

Answer text_answer(int status, std::string text) {
  return {status, std::move(text), "text/plain; charset=utf-8", {}};
}

Answer file_answer(std::string contents) {
  return {200, std::move(contents), "application/octet-stream", {}};
}

Answer empty_answer(int status) { return {status, {}, {}, {}}; }

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

Fields parse_form(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    fields.emplace(percent_decode(pair.substr(0, equals), true), percent_decode(value, true));
  }
  return fields;
}

std::vector<std::string> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
    if (!segment.empty()) segments.push_back(percent_decode(segment, false));
  }
  return segments;
}

class HttpServer::Implementation {
 public:
  explicit Implementation(Options options)
      : is_tls_(options.tls_certificate.has_value()),
        listener_(make_server(options), options.address, max_connections) {
    configure(listener_.server());
  }
  ~Implementation() { stop(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  int port() const noexcept { return listener_.address().port; }

  void start(Handler handler) {
    handler_ = std::move(handler);
    listener_.start();
  }

  void stop() {
    stop_.set();
    listener_.stop();
  }

 private:
  static std::unique_ptr<httplib::Server> make_server(const Options& options) {
    if (!options.tls_certificate) return std::make_unique<httplib::Server>();
    return http::make_tls_server(*options.tls_certificate, options.tls_key.value());
  }

  void configure(httplib::Server& server) {
    server.set_keep_alive_max_count(1'000'000'000);
    server.set_keep_alive_timeout(keep_alive.count());
    server.set_read_timeout(transfer_timeout);
    server.set_write_timeout(transfer_timeout);
    server.set_payload_max_length(max_request_size);
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& content) {
      serve(request, response, &content);
    };
    server.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      serve(request, response, nullptr);
    });
    server.Post(".*", with_body);
    server.Put(".*", with_body);
    server.Patch(".*", with_body);
    server.Delete(".*", with_body);
  }

  void serve(const httplib::Request& received, httplib::Response& response,
             const httplib::ContentReader* content) {
    Request request = to_request(received, is_tls_ ? "https" : "http");
    if (content != nullptr && !read_body(received, *content, request)) return;
    TcpExchange exchange({port(), received.remote_addr, received.remote_port}, stop_);
    try {
      write_answer(handler_(request, exchange), response);
    } catch (Rejection& rejection) {
      write_answer(std::move(rejection.answer()), response);
    } catch (const std::exception& error) {
      logger.error("{} {} failed: {}", received.method, received.path, error.what());
      write_answer(json_answer(500, {{"error", error.what()}}), response);
    }
    logger.debug("{} {} {}", received.method, received.target, response.status);
  }

  bool is_tls_;
  Handler handler_;
  StopFlag stop_;
  http::Listener listener_;  // last: its threads use all members above
};

HttpServer::HttpServer(Options options)
    : implementation_(std::make_unique<Implementation>(std::move(options))) {}

HttpServer::~HttpServer() = default;

int HttpServer::port() const noexcept { return implementation_->port(); }

void HttpServer::start(Handler handler) { implementation_->start(std::move(handler)); }

void HttpServer::stop() { implementation_->stop(); }

}  // namespace gracedb::sandbox
