#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text from outside made fit for logs, terminals and error messages.
namespace gracedb {

/// True if `bytes` are well-formed UTF-8.
bool is_utf8(std::string_view bytes) noexcept;

/// ASCII letters in lower case, other bytes unchanged, whatever the locale.
std::string to_lower(std::string_view text);

/// The lines of a text as "first; second; third", without indentation and full stops.
std::string join_lines(std::string_view text);

/// One line of at most 300 bytes: tokens redacted, control characters replaced by spaces, cut at a character.
std::string safe_line(std::string_view text);

/// `text` safe for a terminal: control characters other than newline and tab, and bytes that are not UTF-8,
/// are written as \xNN.
std::string printable(std::string_view text);

/// As printable(), on one line: newline and tab are written as \n and \t.
std::string printable_line(std::string_view text);

/// "812 B", "14.2 kB", "3.1 MB"
std::string format_size(std::size_t bytes);

/// "1 message", "12 messages"
std::string count_of(std::size_t number, std::string_view noun);

}  // namespace gracedb
