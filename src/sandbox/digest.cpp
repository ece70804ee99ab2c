#include "sandbox/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace gracedb::sandbox {

std::string sha256_hex(std::string_view data) {
  std::array<unsigned char, 32> digest{};
  if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    hex += digits[byte >> 4U];
    hex += digits[byte & 15U];
  }
  return hex;
}

}  // namespace gracedb::sandbox
