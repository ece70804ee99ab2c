#pragma once

#include <chrono>
#include <optional>

namespace gracedb::kafka {

/// The shortest round trip of a TCP connection that the kernel has seen; none where there is no connection.
/// The mean would count the time that the other end takes to think.
std::optional<std::chrono::microseconds> round_trip_of(int socket) noexcept;

}  // namespace gracedb::kafka
