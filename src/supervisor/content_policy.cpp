#include "supervisor/status_page.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace gracedb::supervisor {
namespace {

std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end, from);
  if (from == std::string_view::npos || to == std::string_view::npos) {
    throw std::invalid_argument(fmt::format("the page has no {}", begin));
  }
  return text.substr(from + begin.size(), to - from - begin.size());
}

/// "'sha256-…'"
std::string source_of(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  std::array<unsigned char, 45> base64{};
  EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return fmt::format("'sha256-{}'", std::string(base64.begin(), base64.end() - 1));
}

}  // namespace

std::string content_policy(std::string_view page) {
  return fmt::format(
      "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'",
      source_of(between(page, "<style>", "</style>")), source_of(between(page, "<script>", "</script>")));
}

}  // namespace gracedb::supervisor
