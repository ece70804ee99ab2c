#pragma once

#include <cstddef>
#include <string_view>

namespace gracedb::supervisor {

/// "1048576", "512kB", "256MB", "1GB" (thousands) or "256MiB", "1GiB" (1024s) in bytes.
/// @throws std::invalid_argument  not a size; the message quotes the text
std::size_t parse_size(std::string_view text);

}  // namespace gracedb::supervisor
