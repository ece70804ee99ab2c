#include "sandbox/server.hpp"

#include "core/log.hpp"
#include "http/listener.hpp"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <thread>

namespace gracedb::sandbox {
namespace {

constexpr log::Logger logger{"gracedb.sandbox.http"};
constexpr std::size_t longest_request = 64U << 20U;
constexpr std::size_t most_connections = 1024;
constexpr std::chrono::seconds keep_alive{300};
constexpr std::chrono::seconds transfer_timeout{30};

std::string base_name(const std::string& name) { return name.substr(name.find_last_of("/\\") + 1); }

bool has_body(const httplib::Request& request) {
  return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

/// Reads a multipart form piece by piece into the request's fields and files.
class MultipartReader {
 public:
  explicit MultipartReader(Request& request) : request_(request) {}

  bool begin(const httplib::MultipartFormData& part) {
    if (part.filename.empty()) {
      target_ = &request_.form.emplace(part.name, "")->second;
    } else {
      UploadedFile& file = request_.files[part.name];
      file = {base_name(part.filename), {}};
      target_ = &file.contents;
    }
    return true;
  }
  bool append(const char* data, std::size_t size) {
    target_->append(data, size);
    return true;
  }

 private:
  Request& request_;
  std::string* target_ = nullptr;
};

/// @return false where the body is too long or malformed; the library has set the status then
bool read_body(const httplib::Request& received, const httplib::ContentReader& content, Request& request) {
  if (!has_body(received)) return true;
  if (received.is_multipart_form_data()) {
    MultipartReader reader(request);
    return content([&](const httplib::MultipartFormData& part) { return reader.begin(part); },
                   [&](const char* data, std::size_t size) { return reader.append(data, size); });
  }
  const bool is_complete = content([&](const char* data, std::size_t size) {
    request.body.append(data, size);
    return true;
  });
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

Answer fault_answer(const Fault& fault) {
  Answer answer = fault.status == 429 ? json_answer(429, {{"detail", "Request was throttled."}})
                                      : text_answer(fault.status, "The sandbox was asked to fail here.");
  if (fault.retry_after) answer.with_header("Retry-After", std::to_string(*fault.retry_after));
  return answer;
}

}  // namespace

class Server::Implementation {
 public:
  Implementation(Options options, FaultPlan& faults)
      : options_(std::move(options)),
        faults_(faults),
        listener_(make_http(), options_.address, most_connections) {
    configure(listener_.server());
  }
  ~Implementation() { stop(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  int port() const noexcept { return listener_.address().port; }

  void start(const Api& api, const Router& own_routes, TokenVerifier* verifier) {
    api_ = &api;
    own_routes_ = &own_routes;
    verifier_ = verifier;
    listener_.start();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    stopping_.notify_all();
    listener_.stop();
  }

 private:
  bool is_tls() const { return options_.tls_certificate.has_value(); }

  std::unique_ptr<httplib::Server> make_http() const {
    if (!is_tls()) return std::make_unique<httplib::Server>();
    return http::make_tls_server(*options_.tls_certificate, *options_.tls_key);
  }

  void configure(httplib::Server& server) {
    server.set_keep_alive_max_count(1'000'000'000);
    server.set_keep_alive_timeout(keep_alive.count());
    server.set_read_timeout(transfer_timeout);
    server.set_write_timeout(transfer_timeout);
    server.set_payload_max_length(longest_request);
    const auto without_body = [this](const httplib::Request& request, httplib::Response& response) {
      serve(request, response, nullptr);
    };
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& content) {
      serve(request, response, &content);
    };
    server.Get(".*", without_body);
    server.Post(".*", with_body);
    server.Put(".*", with_body);
    server.Patch(".*", with_body);
    server.Delete(".*", with_body);
  }

  void serve(const httplib::Request& received, httplib::Response& response,
             const httplib::ContentReader* content) {
    const http::Peer peer{port(), received.remote_addr, received.remote_port};
    Request request = to_request(received, is_tls() ? "https" : "http");
    if (content != nullptr && !read_body(received, *content, request)) return;
    try {
      write_answer(answer(request, peer), response);
    } catch (Refusal& refusal) {
      write_answer(std::move(refusal.answer()), response);
    } catch (const std::exception& error) {
      logger.error("{} {}: {}", received.method, received.path, error.what());
      write_answer(json_answer(500, {{"error", error.what()}}), response);
    }
    logger.debug("{} {} {}", received.method, received.target, response.status);
  }

  Answer answer(Request& request, const http::Peer& peer) {
    if (request.path.empty() || request.path.front() != "api")
      return own_routes_->find(request).handler(request);
    const Route& route = api_->route(request);
    const auto strike = faults_.draw(route.operation);
    pause(options_.answer_delay + strike.delay);
    if (!strike.fault) return answer_for_real(route, request);
    switch (strike.fault->kind) {
      case Fault::Kind::hang:
        wait_for_end(peer);
        return {};
      case Fault::Kind::hang_up:
        http::shut_down_connection(peer);
        return {};
      case Fault::Kind::drop_answer: {
        Answer lost = answer_for_real(route, request);
        http::shut_down_connection(peer);
        return lost;
      }
      case Fault::Kind::slow:
      case Fault::Kind::status:
        break;
    }
    return fault_answer(*strike.fault);
  }

  Answer answer_for_real(const Route& route, Request& request) const {
    request.user = authenticate(request.authorization);
    return Api::answer(route, request);
  }

  std::optional<std::string> authenticate(std::string_view authorization) const {
    if (verifier_ == nullptr) return "sandbox";
    constexpr std::string_view scheme = "bearer ";
    const auto is_same = [](char a, char b) { return (a | 0x20) == b; };
    if (authorization.size() <= scheme.size() ||
        !std::equal(scheme.begin(), scheme.end(), authorization.begin(), [&](char wanted, char given) {
          return wanted == ' ' ? given == ' ' : is_same(given, wanted);
        })) {
      return {};
    }
    auto verdict = verifier_->verify(std::string(authorization.substr(scheme.size())));
    if (!verdict.user) logger.warning("refused a token: {}", verdict.reason);
    return std::move(verdict.user);
  }

  /// Waits, but not beyond the end of the server.
  void pause(std::chrono::milliseconds duration) {
    if (duration.count() <= 0) return;
    std::unique_lock lock(mutex_);
    stopping_.wait_for(lock, duration, [this] { return is_stopping_; });
  }

  /// Waits until the client gives up or the server ends, then cuts the connection.
  void wait_for_end(const http::Peer& peer) {
    constexpr std::chrono::milliseconds look_again{50};
    std::unique_lock lock(mutex_);
    while (!is_stopping_ && !http::is_closed_by_peer(peer)) {
      stopping_.wait_for(lock, look_again, [this] { return is_stopping_; });
    }
    lock.unlock();
    http::shut_down_connection(peer);
  }

  Options options_;
  FaultPlan& faults_;
  const Api* api_ = nullptr;
  const Router* own_routes_ = nullptr;
  TokenVerifier* verifier_ = nullptr;
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  http::Listener listener_;  // last: its threads use everything above
};

Server::Server(Options options, FaultPlan& faults)
    : implementation_(std::make_unique<Implementation>(std::move(options), faults)) {}

Server::~Server() = default;

int Server::port() const noexcept { return implementation_->port(); }

void Server::start(const Api& api, const Router& own_routes, TokenVerifier* verifier) {
  implementation_->start(api, own_routes, verifier);
}

void Server::stop() { implementation_->stop(); }

}  // namespace gracedb::sandbox
