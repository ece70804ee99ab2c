#include "core/url.hpp"

#include "core/text.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

namespace gracedb {
namespace {

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// The text before an '@' may be a password.
[[noreturn]] void reject(std::string_view text, std::string_view why) {
  text.remove_prefix(text.rfind('@') + 1);
  throw std::invalid_argument(fmt::format(
      "'{}' is not a usable URL: {}; use one like https://gracedb-test.ligo.org/api/", text, why));
}

UrlHandle make_handle() {
  UrlHandle handle(curl_url(), &curl_url_cleanup);
  if (!handle) throw std::bad_alloc();
  return handle;
}

void set_url(CURLU* handle, std::string_view text) {
  const CURLUcode code = curl_url_set(handle, CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK) reject(text, curl_url_strerror(code));
}

std::string part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

std::string without_brackets(std::string host) {
  return host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

Url read_parts(CURLU* handle, std::string_view shown) {
  Url url{.text = part(handle, CURLUPART_URL),
          .scheme = part(handle, CURLUPART_SCHEME),
          .host = to_lower(without_brackets(part(handle, CURLUPART_HOST))),
          .port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if (url.scheme != "http" && url.scheme != "https") reject(shown, "the scheme is neither https nor http");
  if (url.host.empty()) reject(shown, "it has no host name");
  if (!part(handle, CURLUPART_USER).empty()) reject(shown, "it must not contain a user name");
  return url;
}

std::string_view default_port(std::string_view scheme) { return scheme == "https" ? "443" : "80"; }

bool has_default_port(const Url& url) { return url.port == default_port(url.scheme); }

bool is_unreserved(char c) {
  return (std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80) ||
         c == '-' || c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string Url::bracketed_host() const {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string Url::authority() const {
  return has_default_port(*this) ? bracketed_host() : bracketed_host() + ":" + port;
}

Url parse_url(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) reject(text, "it does not begin with https://");
  // libcurl skips further slashes and would read the path as the host.
  if (text.substr(scheme_end + 3).starts_with('/')) reject(text, "it has no host");
  if (text.find('\0') != std::string_view::npos) reject("", "it contains a NUL byte");
  const UrlHandle handle = make_handle();
  set_url(handle.get(), text);
  return read_parts(handle.get(), text);
}

Url parse_service_url(std::string_view text) {
  Url url = parse_url(text);
  if (text.find_first_of("?#") != std::string_view::npos)
    reject(text, "a service URL must not have a query or fragment");
  if (url.text.back() != '/') url.text += '/';
  return url;
}

Url resolve_url(const Url& base, std::string_view reference) {
  const UrlHandle handle = make_handle();
  set_url(handle.get(), base.text);
  set_url(handle.get(), reference);
  return read_parts(handle.get(), reference);
}

bool stays_on_host(const Url& origin, const Url& target) {
  if (origin.host != target.host) return false;
  if (origin.scheme == target.scheme) return origin.port == target.port;
  return target.is_https() && has_default_port(origin) && has_default_port(target);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::string text(host);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && std::memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
}

bool may_carry_token(const Url& url) { return url.is_https() || is_loopback(url.host); }

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', digits[byte >> 4U], digits[byte & 0x0FU]};
    }
  }
  return encoded;
}

std::string_view without_query(std::string_view url) { return url.substr(0, url.find_first_of("?#")); }

std::string expand_template(std::string_view url_template, Substitutions substitutions) {
  std::string expanded;
  std::size_t position = 0;
  for (;;) {
    const std::size_t open = url_template.find('{', position);
    const std::size_t close = url_template.find('}', open);
    if (close == std::string_view::npos) break;
    expanded.append(url_template, position, open - position);
    const std::string_view name = url_template.substr(open + 1, close - open - 1);
    const auto* const found =
        std::find_if(substitutions.begin(), substitutions.end(),
                     [&](const auto& substitution) { return substitution.first == name; });
    if (found == substitutions.end()) {
      throw std::invalid_argument(
          fmt::format("the URL template {} contains an unknown name '{}'", url_template, name));
    }
    expanded += percent_encode(found->second);
    position = close + 1;
  }
  return expanded.append(url_template.substr(position));
}

}  // namespace gracedb
