#include "support/test_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <stdexcept>

namespace gracedb::test_support {
namespace {

std::string to_lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

TestRequest to_test_request(const httplib::Request& from) {
  TestRequest request{.method = from.method,
                      .path = from.path,
                      .target = from.target,
                      .parameters = {from.params.begin(), from.params.end()},
                      .headers = {},
                      .parts = {},
                      .body = from.body,
                      .remote_port = from.remote_port};
  for (const auto& [name, value] : from.headers) {
    request.headers[to_lower(name)] = value;
  }
  for (const auto& [name, part] : from.files) {
    request.parts.push_back({name, part.filename, part.content_type, part.content});
  }
  return request;
}

}  // namespace

std::string TestRequest::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::vector<std::string> TestRequest::field(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& part : parts) {
    if (part.name == name && part.file_name.empty()) values.push_back(part.content);
  }
  return values;
}

std::optional<TestPart> TestRequest::file(std::string_view name) const {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const TestPart& part) {
    return part.name == name && !part.file_name.empty();
  });
  return found == parts.end() ? std::nullopt : std::optional(*found);
}

class TestServer::Impl {
 public:
  Impl(Handler handler, std::unique_ptr<httplib::Server> server)
      : handler_(std::move(handler)), server_(std::move(server)) {
    if (!server_->is_valid()) throw std::runtime_error("cannot use the certificate of the test server");
    const auto answer = [this](const httplib::Request& from, httplib::Response& to) { serve(from, to); };
    server_->Get(".*", answer).Post(".*", answer).Put(".*", answer).Delete(".*", answer);
    server_->set_tcp_nodelay(true);
    server_->set_keep_alive_max_count(1000);
    // Each open connection needs a thread, even while it is idle.
    server_->new_task_queue = [] { return std::make_unique<httplib::ThreadPool>(32).release(); };
    port_ = server_->bind_to_any_port("127.0.0.1");
    if (port_ <= 0) throw std::runtime_error("no free port for the test server");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) {
      std::this_thread::yield();
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    server_->stop();
    thread_.join();
  }

  int port() const noexcept { return port_; }

  std::vector<TestRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve(const httplib::Request& from, httplib::Response& to) {
    const TestRequest request = to_test_request(from);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const TestReply reply = handler_(request);
    to.status = reply.status;
    to.set_content(reply.body, reply.content_type);
    for (const auto& [name, value] : reply.headers) {
      to.set_header(name, value);
    }
  }

  Handler handler_;
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<TestRequest> requests_;
};

TestServer::TestServer(Handler handler)
    : impl_(std::make_unique<Impl>(std::move(handler), std::make_unique<httplib::Server>())) {}
TestServer::TestServer(Handler handler, const std::string& certificate_path,
                       const std::string& client_ca_path)
    : scheme_and_host_("https://localhost:"),
      impl_(std::make_unique<Impl>(
          std::move(handler),
          std::make_unique<httplib::SSLServer>(certificate_path.c_str(), certificate_path.c_str(),
                                               client_ca_path.empty() ? nullptr : client_ca_path.c_str()))) {}
TestServer::~TestServer() = default;
int TestServer::port() const noexcept { return impl_->port(); }
std::string TestServer::url(std::string_view path) const {
  return scheme_and_host_ + std::to_string(port()) + std::string(path);
}
std::vector<TestRequest> TestServer::requests() const { return impl_->requests(); }

}  // namespace gracedb::test_support
