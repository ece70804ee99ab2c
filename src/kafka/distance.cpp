#include "kafka/distance.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace gracedb::kafka {
namespace {

constexpr int established = 1;  // TCP_ESTABLISHED, of a header that does not go together with <linux/tcp.h>
constexpr socklen_t size_with_round_trip = offsetof(tcp_info, tcpi_min_rtt) + sizeof(tcp_info::tcpi_min_rtt);

}  // namespace

std::optional<std::chrono::microseconds> round_trip_of(int socket) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < size_with_round_trip ||
      info.tcpi_state != established) {
    return std::nullopt;
  }
  return std::chrono::microseconds(info.tcpi_min_rtt);
}

}  // namespace gracedb::kafka
