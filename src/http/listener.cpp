#include "http/listener.hpp"

#include "core/thread_pool.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

namespace gracedb::http {
namespace {

constexpr int listen_backlog = 512;
constexpr std::chrono::milliseconds shutdown_interval{10};

class ConnectionThreads : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(std::size_t most_threads) : threads_(most_threads) {}

  // cpp-httplib before 0.15 declares it void, later versions bool.
  using Result = decltype(std::declval<httplib::TaskQueue>().enqueue({}));
  Result enqueue(std::function<void()> connection) override {
    threads_.run(std::move(connection));
    return static_cast<Result>(true);
  }
  void shutdown() override { threads_.finish(); }

 private:
  ThreadPool threads_;
};

struct Endpoint {
  std::string address;
  int port = 0;
};

using GetName = int (*)(int, sockaddr*, socklen_t*);

std::optional<Endpoint> endpoint_of(int descriptor, GetName get_name) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (get_name(descriptor, address, &length) != 0) return {};
  if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return {};
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  if (getnameinfo(address, length, host.data(), host.size(), service.data(), service.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  Endpoint endpoint{host.data(), 0};
  const std::string_view port = service.data();
  std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  return endpoint;
}

std::vector<int> open_descriptors() {
  std::vector<int> descriptors;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename().string();
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    descriptors.push_back(descriptor);
  }
  return descriptors;
}

/// Calls `visit(descriptor, remote)` for each open connection that was accepted on `local_port`.
template <typename Visit>
void visit_connections(int local_port, Visit&& visit) {
  for (const int descriptor : open_descriptors()) {
    const auto local = endpoint_of(descriptor, ::getsockname);
    if (!local || local->port != local_port) continue;
    if (const auto remote = endpoint_of(descriptor, ::getpeername)) visit(descriptor, *remote);
  }
}

bool is_peer(const Endpoint& remote, const Peer& peer) {
  return remote.port == peer.port && remote.address == peer.address;
}

}  // namespace

std::unique_ptr<httplib::Server> make_tls_server(const std::filesystem::path& certificate,
                                                 const std::filesystem::path& key) {
  auto server = std::make_unique<httplib::SSLServer>(certificate.c_str(), key.c_str());
  if (!server->is_valid()) {
    throw std::runtime_error(
        fmt::format("cannot use the TLS certificate {} with the key {}", certificate.string(), key.string()));
  }
  return server;
}

Listener::Listener(std::unique_ptr<httplib::Server> server, Address address, std::size_t most_connections)
    : server_(std::move(server)), address_(std::move(address)) {
  server_->new_task_queue = [most_connections] {
    return std::make_unique<ConnectionThreads>(most_connections).release();
  };
  server_->set_tcp_nodelay(true);
  // By default cpp-httplib sets SO_REUSEPORT, with which two servers share a port without an error.
  server_->set_socket_options([this](int descriptor) {
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    descriptor_ = descriptor;
  });
  bind();
}

void Listener::bind() {
  const int wanted = address_.port;
  const bool bound = wanted == 0 ? (address_.port = server_->bind_to_any_port(address_.host)) > 0
                                 : server_->bind_to_port(address_.host, wanted);
  if (!bound) {
    address_.port = wanted;
    throw std::runtime_error(
        fmt::format("cannot listen on {}; the port may be in use: try another, or port 0 for any free port",
                    to_text(address_)));
  }
  ::listen(descriptor_, listen_backlog);  // cpp-httplib uses a backlog of 5
}

void Listener::start() {
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running())  // cpp-httplib 0.11 has no wait_until_ready()
    std::this_thread::yield();
}

void Listener::stop() {
  if (!thread_.joinable()) return;
  server_->stop();
  // Repeated, because a connection that is being accepted may not have a descriptor the first time.
  const std::jthread closer([this](const std::stop_token& done) {
    while (!done.stop_requested()) {
      visit_connections(address_.port,
                        [](int descriptor, const Endpoint&) { ::shutdown(descriptor, SHUT_RDWR); });
      std::this_thread::sleep_for(shutdown_interval);
    }
  });
  thread_.join();
}

void shut_down_connection(const Peer& peer) {
  visit_connections(peer.local_port, [&](int descriptor, const Endpoint& remote) {
    if (is_peer(remote, peer)) ::shutdown(descriptor, SHUT_RDWR);
  });
}

bool is_closed_by_peer(const Peer& peer) {
  bool is_open = false;
  visit_connections(peer.local_port, [&](int descriptor, const Endpoint& remote) {
    if (!is_peer(remote, peer)) return;
    pollfd state{descriptor, POLLRDHUP, 0};
    is_open = ::poll(&state, 1, 0) == 0;
  });
  return !is_open;
}

}  // namespace gracedb::http
