#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Base64 and SHA-256, by OpenSSL.
namespace gracedb {

/// Length of the standard base64 text of `size` bytes.
constexpr std::size_t base64_size(std::size_t size) { return (size + 2) / 3 * 4; }

/// Standard base64 (RFC 4648, section 4), padded.
std::string to_base64(std::string_view bytes);

/// Appends the standard base64 text of `bytes` to `text`.
void append_base64(std::string& text, std::string_view bytes);

/// The bytes of a standard base64 text; empty optional if alphabet, padding or length is wrong.
std::optional<std::string> decode_base64(std::string_view text);

/// Unpadded base64url (RFC 4648, section 5), as in a JWT.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> decode_base64url(std::string_view text);

using Sha256 = std::array<unsigned char, 32>;
Sha256 sha256(std::string_view bytes);

/// `bytes` as lower-case hexadecimal.
std::string to_hex(std::string_view bytes);

/// SHA-256 of `bytes` as lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);

}  // namespace gracedb
