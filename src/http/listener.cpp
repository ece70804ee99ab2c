#include "http/listener.hpp"

#include "http/connection_threads.hpp"
#include "http/connections.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <chrono>
#include <stdexcept>
#include <stop_token>
#include <utility>

namespace gracedb::http {
namespace {

constexpr int listen_backlog = 512;
constexpr std::chrono::milliseconds between_shutdowns{10};

}  // namespace

Listener::Listener(std::unique_ptr<httplib::Server> server, Address address, std::size_t most_connections)
    : server_(std::move(server)), address_(std::move(address)) {
  server_->new_task_queue = [most_connections] {
    return std::make_unique<ConnectionThreads>(most_connections).release();
  };
  server_->set_tcp_nodelay(true);
  // The library's own choice, SO_REUSEPORT, would let two servers share a port unnoticed.
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
        fmt::format("cannot listen on {}; the port may be taken: try another, or port 0 for a free one",
                    to_text(address_)));
  }
  ::listen(descriptor_, listen_backlog);  // the library asks for a backlog of 5
}

void Listener::start() {
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running())
    std::this_thread::yield();
}

void Listener::stop() {
  if (!thread_.joinable()) return;
  server_->stop();
  // A connection accepted just now may be missed the first time.
  const std::jthread closer([this](const std::stop_token& done) {
    while (!done.stop_requested()) {
      shut_down_connections(address_.port);
      std::this_thread::sleep_for(between_shutdowns);
    }
  });
  thread_.join();
}

}  // namespace gracedb::http
