#include "kafka/distance.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;

TEST(RoundTrip, IsMeasuredByTheKernelOnceThereIsAConnection) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_FALSE(round_trip_of(client));
  ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_LT(round_trip_of(client).value_or(1h), 1s);
  for (const int socket : {client, listener})
    ::close(socket);
}

TEST(RoundTrip, IsNotThereWhereNothingIsOpen) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  EXPECT_FALSE(round_trip_of(pipe.front()));
  for (const int end : pipe)
    ::close(end);
  EXPECT_FALSE(round_trip_of(-1));
}

}  // namespace
}  // namespace gracedb::kafka
