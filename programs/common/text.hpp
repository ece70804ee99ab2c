#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Small helpers for showing bytes of unknown origin to people and programs.
namespace gracedb::programs {

/// True if `bytes` are well-formed UTF-8.
bool is_utf8(std::string_view bytes) noexcept;

/// Standard base64, padded.
std::string to_base64(std::string_view bytes);

/// `text` safe for a terminal: control characters other than newline and tab, and bytes that are not UTF-8,
/// are written as \xNN.
std::string printable(std::string_view text);

/// The same on one line: newline and tab are written as \n and \t.
std::string printable_line(std::string_view text);

/// "812 B", "14.2 kB", "3.1 MB"
std::string format_size(std::size_t bytes);

/// "1 message", "12 messages"
std::string count_of(std::size_t number, std::string_view noun);

}  // namespace gracedb::programs
