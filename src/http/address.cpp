#include "http/address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace gracedb::http {
namespace {

constexpr int last_port = 65535;

}  // namespace

Address parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  Address address;
  if (!host.empty()) address.host = host;
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, address.port);
  const bool is_port = error == std::errc() && stop == end && address.port >= 0 && address.port <= last_port;
  if (!is_port || (!is_bracketed && host.find_first_of(":[]") != std::string_view::npos)) {
    throw std::invalid_argument(fmt::format("'{}': give HOST:PORT; port 0 means any free port", text));
  }
  return address;
}

std::string to_text(const Address& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", address.host, is_ipv6 ? "]" : "", address.port);
}

}  // namespace gracedb::http
