#include "kafka/base64.hpp"

#include "kafka/base64_kernels.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace gracedb::kafka {
namespace {

// OpenSSL counts in int.
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

/// Makes `text` longer by up to `size` and lets `fill(char* begin)` write there and say how much it has
/// written. It may write one character more than `size`.
template <typename Fill>
void append_in_place(std::string& text, std::size_t size, Fill fill) {
  const std::size_t before = text.size();
#if defined(__cpp_lib_string_resize_and_overwrite)
  text.resize_and_overwrite(before + size + 1,
                            [&](char* all, std::size_t) { return before + fill(all + before); });
#else
  text.resize(before + size + 1);
  text.resize(before + fill(text.data() + before));
#endif
}

/// Decodes text of the 64 characters alone; false if there is anything else. OpenSSL skips white space at
/// the ends and takes '=' anywhere.
bool decode_by_openssl(std::string_view text, char* bytes) {
  for (; !text.empty(); bytes += bytes_at_once, text.remove_prefix(std::min(text_at_once, text.size()))) {
    const std::string_view part = text.substr(0, text_at_once);
    if (!is_standard_alphabet(part.front()) || !is_standard_alphabet(part.back()) ||
        part.find('=') != std::string_view::npos ||
        EVP_DecodeBlock(as_bytes(bytes), as_bytes(part.data()), static_cast<int>(part.size())) !=
            static_cast<int>(part.size() / 4 * 3))
      return false;
  }
  return true;
}

bool decode(std::string_view text, char* bytes) {
  const std::size_t done = kernel() != nullptr ? kernel()->decode(text.data(), text.size(), bytes) : 0;
  return decode_by_openssl(text.substr(done), bytes + done / 4 * 3);
}

/// Writes a null behind the text, as OpenSSL does.
void encode(std::string_view bytes, char* text) {
  const std::size_t done = kernel() != nullptr ? kernel()->encode(bytes.data(), bytes.size(), text) : 0;
  bytes.remove_prefix(done);
  text += done / 3 * 4;
  for (; !bytes.empty(); text += text_at_once, bytes.remove_prefix(std::min(bytes_at_once, bytes.size()))) {
    const std::string_view part = bytes.substr(0, bytes_at_once);
    EVP_EncodeBlock(as_bytes(text), as_bytes(part.data()), static_cast<int>(part.size()));
  }
}

/// Decodes the last four characters, which may end in '='.
bool append_last(std::string& bytes, std::string_view four) {
  const std::size_t padding = four.ends_with("==") ? 2 : four.ends_with('=') ? 1 : 0;
  std::array<char, 4> padded{'A', 'A', 'A', 'A'};
  std::copy_n(four.begin(), 4 - padding, padded.begin());
  std::array<char, 3> decoded{};
  if (!decode_by_openssl({padded.data(), padded.size()}, decoded.data())) return false;
  bytes.append(decoded.data(), 3 - padding);
  return true;
}

}  // namespace

void append_base64(std::string& text, std::string_view bytes) {
  append_in_place(text, base64_size(bytes.size()), [&](char* begin) {
    encode(bytes, begin);
    return base64_size(bytes.size());
  });
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  if (text.empty()) return bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - 4);
  bool is_base64 = false;
  append_in_place(bytes, body.size() / 4 * 3 + decode_slack, [&](char* begin) {
    is_base64 = decode(body, begin);
    return body.size() / 4 * 3;
  });
  if (!is_base64 || !append_last(bytes, text.substr(text.size() - 4))) return std::nullopt;
  return bytes;
}

}  // namespace gracedb::kafka
