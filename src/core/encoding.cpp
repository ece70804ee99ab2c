#include "core/encoding.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace gracedb {
namespace {

// OpenSSL counts in int, and a block fits into the first-level cache.
constexpr std::size_t block_bytes = 12'288;
constexpr std::size_t block_text = base64_size(block_bytes);

// NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): OpenSSL takes unsigned char.
unsigned char* as_bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* as_bytes(const char* text) { return reinterpret_cast<const unsigned char*>(text); }
// NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)

bool is_standard_alphabet(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool is_url_alphabet(char c) {
  return (c != '+' && c != '/' && is_standard_alphabet(c)) || c == '-' || c == '_';
}

// Decodes text without padding. EVP_DecodeBlock skips white space at the ends and accepts '=' anywhere, so
// both are rejected first.
bool decode_blocks(std::string_view text, char* bytes) {
  for (; !text.empty(); bytes += block_bytes, text.remove_prefix(std::min(block_text, text.size()))) {
    const std::string_view block = text.substr(0, block_text);
    if (!is_standard_alphabet(block.front()) || !is_standard_alphabet(block.back()) ||
        block.find('=') != std::string_view::npos ||
        EVP_DecodeBlock(as_bytes(bytes), as_bytes(block.data()), static_cast<int>(block.size())) !=
            static_cast<int>(block.size() / 4 * 3)) {
      return false;
    }
  }
  return true;
}

}  // namespace

void append_base64(std::string& text, std::string_view bytes) {
  const std::size_t before = text.size();
  const std::size_t after = before + base64_size(bytes.size());
  text.resize(after + 1);  // EVP_EncodeBlock ends with a NUL
  char* end = text.data() + before;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(block_bytes, bytes.size()))) {
    const std::string_view block = bytes.substr(0, block_bytes);
    end += EVP_EncodeBlock(as_bytes(end), as_bytes(block.data()), static_cast<int>(block.size()));
  }
  text.resize(after);
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  if (text.empty()) return bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t body = text.size() - 4;
  bytes.resize(text.size() / 4 * 3);
  if (!decode_blocks(text.substr(0, body), bytes.data())) return std::nullopt;

  const std::string_view last = text.substr(body);
  const std::size_t padding = last.ends_with("==") ? 2 : last.ends_with('=') ? 1 : 0;
  std::array<char, 4> unpadded{'A', 'A', 'A', 'A'};
  std::copy_n(last.begin(), 4 - padding, unpadded.begin());
  if (!decode_blocks({unpadded.data(), unpadded.size()}, bytes.data() + body / 4 * 3)) return std::nullopt;
  bytes.erase(bytes.size() - padding);
  return bytes;
}

std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1 || !std::all_of(text.begin(), text.end(), is_url_alphabet)) return std::nullopt;
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  return decode_base64(standard);
}

Sha256 sha256(std::string_view bytes) {
  Sha256 digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL cannot compute SHA-256");
  }
  return digest;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {digits[byte >> 4U], digits[byte & 0x0FU]};
  }
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  const Sha256 digest = sha256(bytes);
  return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace gracedb
