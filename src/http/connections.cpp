#include "http/connections.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <vector>

namespace gracedb::http {
namespace {

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

/// Calls `visit(descriptor, peer)` for each connection on a local port.
template <typename Visit>
void visit_connections(int local_port, Visit&& visit) {
  for (const int descriptor : open_descriptors()) {
    const auto local = endpoint_of(descriptor, ::getsockname);
    if (!local || local->port != local_port) continue;
    if (const auto peer = endpoint_of(descriptor, ::getpeername)) visit(descriptor, *peer);
  }
}

bool is_peer(const Endpoint& endpoint, const Peer& peer) {
  return endpoint.port == peer.port && endpoint.address == peer.address;
}

}  // namespace

Endpoint local_end(int descriptor) { return endpoint_of(descriptor, ::getsockname).value_or(Endpoint{}); }

Endpoint remote_end(int descriptor) { return endpoint_of(descriptor, ::getpeername).value_or(Endpoint{}); }

void shut_down_connection(const Peer& peer) {
  visit_connections(peer.local_port, [&](int descriptor, const Endpoint& endpoint) {
    if (is_peer(endpoint, peer)) ::shutdown(descriptor, SHUT_RDWR);
  });
}

void shut_down_connections(int local_port) {
  visit_connections(local_port, [](int descriptor, const Endpoint&) { ::shutdown(descriptor, SHUT_RDWR); });
}

bool is_closed_by_peer(const Peer& peer) {
  bool is_open = false;
  visit_connections(peer.local_port, [&](int descriptor, const Endpoint& endpoint) {
    if (!is_peer(endpoint, peer)) return;
    pollfd state{descriptor, POLLRDHUP, 0};
    is_open = ::poll(&state, 1, 0) == 0;
  });
  return !is_open;
}

}  // namespace gracedb::http
