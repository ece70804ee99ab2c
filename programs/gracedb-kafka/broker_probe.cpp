#include "gracedb-kafka/broker_probe.hpp"

#include "core/duration.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace gracedb::cli {
namespace {

using programs::ExitCode;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* default_port = "9092";

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

Server parse_server(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos)
    text.remove_prefix(scheme + 3);
  Server server{.host = std::string(text), .port = default_port};
  if (text.starts_with('[')) {
    const std::size_t end = std::min(text.find(']'), text.size());
    server.host = text.substr(1, end - 1);
    if (text.substr(end).starts_with("]:")) server.port = text.substr(end + 2);
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    server.host = text.substr(0, colon);
    server.port = text.substr(colon + 1);
  }
  return server;
}

// sockaddr is the type every socket call takes for all kinds of addresses.
const sockaddr* generic(const sockaddr_storage& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
}

[[noreturn]] void connection_failed(const Address& address, const std::string& reason) {
  throw ProbeError(ExitCode::unreachable, fmt::format("{}: {}", address.text(), reason),
                   "Check the port and whether the broker runs; a firewall may be in the way");
}

int pending_error(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

std::string Server::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::vector<Server> parse_servers(std::string_view bootstrap_servers) {
  std::vector<Server> servers;
  while (!bootstrap_servers.empty()) {
    const std::size_t end = std::min(bootstrap_servers.find(','), bootstrap_servers.size());
    const std::string_view one = trim(bootstrap_servers.substr(0, end));
    if (!one.empty()) servers.push_back(parse_server(one));
    bootstrap_servers.remove_prefix(std::min(end + 1, bootstrap_servers.size()));
  }
  return servers;
}

std::string Address::text() const {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int failed = ::getnameinfo(generic(value), length, host.data(), host.size(), port.data(), port.size(),
                                   NI_NUMERICHOST | NI_NUMERICSERV);
  return failed != 0 ? "?" : Server{.host = host.data(), .port = port.data()}.text();
}

std::vector<Address> resolve(const Server& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  if (failed != 0) {
    throw ProbeError(ExitCode::unreachable, fmt::format("{}: {}", server.text(), ::gai_strerror(failed)),
                     "Check the name in --bootstrap-servers and this machine's name service");
  }
  std::vector<Address> addresses;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    Address address;
    std::memcpy(&address.value, info->ai_addr, info->ai_addrlen);
    address.length = info->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

Socket::Socket(const Address& address, milliseconds timeout)
    : descriptor_(::socket(address.value.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  int error = 0;
  if (descriptor_ < 0 || ::connect(descriptor_, generic(address.value), address.length) != 0) error = errno;
  if (error == EINPROGRESS) {
    const bool answered = wait(POLLOUT, steady_clock::now() + timeout);
    error = answered ? pending_error(descriptor_) : ETIMEDOUT;
  }
  if (error == 0) return;
  if (descriptor_ >= 0) ::close(descriptor_);
  const std::string reason = error == ETIMEDOUT ? "no answer within " + format_duration(timeout)
                                                : std::generic_category().message(error);
  connection_failed(address, reason);
}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Socket::wait(short events, steady_clock::time_point deadline) const {
  pollfd ready{.fd = descriptor_, .events = events, .revents = 0};
  return ::poll(&ready, 1, static_cast<int>(time_left(deadline).count())) > 0;
}

}  // namespace gracedb::cli
