#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gracedb::sandbox {

bool is_gzipped(std::string_view data);

/// @throws UnreadableEventFile  not gzip, cut off, or longer than `limit` bytes
std::string gunzip(std::string_view data, std::size_t limit);

}  // namespace gracedb::sandbox
