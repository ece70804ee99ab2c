#include "kafka/base64.hpp"

#include "kafka/base64_kernels.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace gracedb::kafka {
namespace {

// So much at a time stays in the nearest cache. What is done there is then copied to its place once, into
// memory that nobody had to fill with zeros before.
constexpr std::size_t bytes_at_once = 12'288;
constexpr std::size_t text_at_once = base64_size(bytes_at_once);

unsigned char* as_bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* as_bytes(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

const Base64Kernel* kernel() {
  static const Base64Kernel* const fastest = base64_kernels().empty() ? nullptr : &base64_kernels().front();
  return fastest;
}

bool is_standard_alphabet(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/// Decodes text of the 64 characters alone, four at a time; false if there is anything else.
bool decode_block(std::string_view text, char* bytes) {
  std::size_t done = kernel() != nullptr ? kernel()->decode(text.data(), text.size(), bytes) : 0;
  const std::string_view rest = text.substr(done);
  if (rest.empty()) return true;
  // OpenSSL skips white space at the ends and takes '=' anywhere.
  return is_standard_alphabet(rest.front()) && is_standard_alphabet(rest.back()) &&
         rest.find('=') == std::string_view::npos &&
         EVP_DecodeBlock(as_bytes(bytes + done / 4 * 3), as_bytes(rest.data()),
                         static_cast<int>(rest.size())) == static_cast<int>(rest.size() / 4 * 3);
}

/// Decodes the last four characters, which may end in '='.
bool append_last(std::string& bytes, std::string_view four) {
  const std::size_t padding = four.ends_with("==") ? 2 : four.ends_with('=') ? 1 : 0;
  std::array<char, 4> padded{'A', 'A', 'A', 'A'};
  std::copy_n(four.begin(), 4 - padding, padded.begin());
  std::array<char, 3 + decode_slack> decoded{};
  if (!decode_block({padded.data(), padded.size()}, decoded.data())) return false;
  bytes.append(decoded.data(), 3 - padding);
  return true;
}

}  // namespace

void append_base64(std::string& text, std::string_view bytes) {
  text.reserve(text.size() + base64_size(bytes.size()));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled before it is read, as the next one
  std::array<char, text_at_once + 1> block;  // OpenSSL writes a null at the end
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes_at_once, bytes.size()))) {
    const std::string_view part = bytes.substr(0, bytes_at_once);
    const std::size_t done =
        kernel() != nullptr ? kernel()->encode(part.data(), part.size(), block.data()) : 0;
    EVP_EncodeBlock(as_bytes(block.data() + done / 3 * 4), as_bytes(part.data() + done),
                    static_cast<int>(part.size() - done));
    text.append(block.data(), base64_size(part.size()));
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  if (text.empty()) return bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  bytes.reserve(text.size() / 4 * 3);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  std::array<char, bytes_at_once + decode_slack> block;
  for (std::string_view body = text.substr(0, text.size() - 4); !body.empty();
       body.remove_prefix(std::min(text_at_once, body.size()))) {
    const std::string_view part = body.substr(0, text_at_once);
    if (!decode_block(part, block.data())) return std::nullopt;
    bytes.append(block.data(), part.size() / 4 * 3);
  }
  if (!append_last(bytes, text.substr(text.size() - 4))) return std::nullopt;
  return bytes;
}

}  // namespace gracedb::kafka
