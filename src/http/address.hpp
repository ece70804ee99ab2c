#pragma once

#include <string>
#include <string_view>

namespace gracedb::http {

/// A host and a port to listen on.
struct Address {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: any free port

  friend bool operator==(const Address&, const Address&) = default;
};

/// Parses "127.0.0.1:8080", "[::1]:0", ":8080" or "8080". The default host is the loopback address.
/// @throws std::invalid_argument  malformed; the message quotes the text
Address parse_address(std::string_view text);

/// "127.0.0.1:8080", "[::1]:0"
std::string to_text(const Address& address);

}  // namespace gracedb::http
