#pragma once

#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// Where a GraceDB is, however it is written: the case of scheme and host, the scheme's own port, a missing
/// '/' at the end and an API version after it make no difference.
class ServiceAddress {
 public:
  /// @param url  e.g. "https://gracedb.ligo.org/api/" or "https://gracedb.ligo.org/api/v2"
  /// @throws std::invalid_argument  not the URL of a service
  explicit ServiceAddress(std::string_view url);

  /// "https://gracedb.ligo.org:443/api/"
  const std::string& text() const noexcept { return text_; }

  friend bool operator==(const ServiceAddress&, const ServiceAddress&) = default;

 private:
  std::string text_;
};

}  // namespace gracedb::supervisor
