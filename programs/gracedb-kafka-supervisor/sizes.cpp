#include "gracedb-kafka-supervisor/sizes.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> units{{{"", 1},
                                                                           {"B", 1},
                                                                           {"kB", 1'000},
                                                                           {"MB", 1'000'000},
                                                                           {"GB", 1'000'000'000},
                                                                           {"KiB", 1ULL << 10U},
                                                                           {"MiB", 1ULL << 20U},
                                                                           {"GiB", 1ULL << 30U}}};

}  // namespace

std::size_t parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, bytes] : units) {
    if (error != std::errc() || unit != name || number > std::numeric_limits<std::uint64_t>::max() / bytes)
      continue;
    return number * bytes;
  }
  throw std::invalid_argument(fmt::format("\"{}\" is not a size; write one like 1048576 or 256MiB", text));
}

}  // namespace gracedb::supervisor
