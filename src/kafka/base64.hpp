#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::kafka {

/// How long the standard base64 text of `size` bytes is.
constexpr std::size_t base64_size(std::size_t size) { return (size + 2) / 3 * 4; }

/// Appends the standard base64 text of `bytes` to `text`, in place.
void append_base64(std::string& text, std::string_view bytes);

/// The bytes of a standard base64 text; none where it is not one (alphabet, padding, length).
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace gracedb::kafka
