#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace gracedb::sandbox {

/// A number of an event file as an integer, its fraction dropped; nothing where it does not fit.
inline std::optional<std::int64_t> to_integer(std::optional<double> number) {
  constexpr double limit = 9e18;
  if (!number || !(std::abs(*number) < limit)) return {};
  return static_cast<std::int64_t>(*number);
}

}  // namespace gracedb::sandbox
