#include "auth/base64url.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace gracedb::auth {
namespace {

bool is_in_alphabet(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string to_padded_base64(std::string_view text) {
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  return padded;
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  // OpenSSL skips white space and knows only the padded form, so both are settled before it is asked.
  if (text.size() % 4 == 1 || !std::all_of(text.begin(), text.end(), is_in_alphabet)) return std::nullopt;
  const std::string padded = to_padded_base64(text);
  std::string bytes(padded.size() / 4 * 3, '\0');
  const int written =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size()));
  if (written < 0) return std::nullopt;
  bytes.resize(text.size() * 3 / 4);
  return bytes;
}

}  // namespace gracedb::auth
