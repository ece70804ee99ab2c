#include "kafka/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace gracedb::kafka {
namespace {

// OpenSSL counts in int; a multiple of 3 and of 4 keeps the blocks free of padding.
constexpr std::size_t block = std::size_t{3} << 28;

unsigned char* as_bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* as_bytes(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

bool is_standard_alphabet(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

}  // namespace

void append_base64(std::string& text, std::string_view bytes) {
  std::size_t written = text.size();
  text.resize(written + base64_size(bytes.size()));
  for (std::size_t done = 0; done < bytes.size(); done += block) {
    const std::string_view part = bytes.substr(done, block);
    written += static_cast<std::size_t>(EVP_EncodeBlock(
        as_bytes(text.data() + written), as_bytes(part.data()), static_cast<int>(part.size())));
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty()) return std::string();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  // OpenSSL skips white space and takes '=' anywhere; the messages here allow neither.
  if (text.size() % 4 != 0 || !is_standard_alphabet(text.front()) ||
      text.substr(0, text.size() - padding).find('=') != std::string_view::npos ||
      (padding == 0 && !is_standard_alphabet(text.back()))) {
    return std::nullopt;
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  std::size_t written = 0;
  for (std::size_t done = 0; done < text.size(); done += block) {
    const std::string_view part = text.substr(done, block);
    const int size = EVP_DecodeBlock(as_bytes(bytes.data() + written), as_bytes(part.data()),
                                     static_cast<int>(part.size()));
    if (size != static_cast<int>(part.size() / 4 * 3)) return std::nullopt;
    written += static_cast<std::size_t>(size);
  }
  bytes.resize(written - padding);
  return bytes;
}

}  // namespace gracedb::kafka
