#include "common/text.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

namespace gracedb::programs {
namespace {

struct Sequence {
  std::size_t length;  // 0: not UTF-8
  char32_t character;
};

// The UTF-8 sequence at the front of `bytes`: shortest form only, no surrogates.
Sequence sequence_at(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return {0, 0};
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  char32_t character = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {0, 0};
    character = (character << 6U) | (byte(i) & 0x3fU);
  }
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < smallest.at(length) || character > 0x10ffff || surrogate) return {0, 0};
  return {length, character};
}

bool is_control(char32_t character) { return character < 0x20 || (character >= 0x7f && character < 0xa0); }

std::string escape_controls(std::string_view text, bool one_line) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const Sequence sequence = sequence_at(text);
    const std::size_t length = sequence.length == 0 ? 1 : sequence.length;
    const char front = text.front();
    const bool is_layout = front == '\n' || front == '\t';
    if (is_layout && one_line) {
      shown += front == '\n' ? "\\n" : "\\t";
    } else if (is_layout || (sequence.length != 0 && !is_control(sequence.character))) {
      shown += text.substr(0, length);
    } else {
      for (const char c : text.substr(0, length)) {
        fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    text.remove_prefix(length);
  }
  return shown;
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const Sequence sequence = sequence_at(bytes);
    if (sequence.length == 0) return false;
    bytes.remove_prefix(sequence.length);
  }
  return true;
}

std::string to_base64(std::string_view bytes) {
  std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): OpenSSL takes unsigned char.
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

std::string printable(std::string_view text) { return escape_controls(text, false); }

std::string printable_line(std::string_view text) { return escape_controls(text, true); }

std::string format_size(std::size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (value < 999.95e3) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{:.1f} MB", value / 1e6);
}

std::string count_of(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace gracedb::programs
