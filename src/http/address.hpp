#pragma once

#include <string>
#include <string_view>

namespace gracedb::http {

/// Where to listen.
struct Address {
  std::string host = "127.0.0.1";
  int port = 0;  ///< 0: any free one

  friend bool operator==(const Address&, const Address&) = default;
};

/// "127.0.0.1:8080", "[::1]:0", ":8080" or "8080"; without a host, the loopback address.
/// @throws std::invalid_argument  not an address; the message quotes the text
Address parse_address(std::string_view text);

/// "127.0.0.1:8080", "[::1]:0"
std::string to_text(const Address& address);

}  // namespace gracedb::http
