#pragma once

#include <string>
#include <string_view>

namespace gracedb::sandbox {

/// SHA-256 of `data` in hexadecimal.
std::string sha256_hex(std::string_view data);

}  // namespace gracedb::sandbox
