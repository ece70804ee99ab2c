#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace gracedb {

/// An absolute http or https URL and the parts of it that decide where a request goes.
struct Url {
  std::string text;    ///< the whole URL
  std::string scheme;  ///< in lower case
  std::string host;    ///< in lower case, an IPv6 address without brackets
  std::string port;    ///< the scheme's own where none is given

  bool is_https() const noexcept { return scheme == "https"; }
  /// "gracedb.ligo.org", with the port where it is not the scheme's own.
  std::string authority() const;
};

/// @throws std::invalid_argument  not an absolute http or https URL with a host, or one with a user name in
/// it
Url parse_url(std::string_view text);

/// The URL of a service, ending in '/'.
/// @throws std::invalid_argument  as parse_url(), or with a query or fragment
Url parse_service_url(std::string_view text);

/// `reference` (absolute or relative) seen from `base`, as in a Location header.
/// @throws std::invalid_argument  as parse_url()
Url resolve_url(const Url& base, std::string_view reference);

/// True if a request meant for `origin` may go to `target`: the same scheme, host and port, or the same host
/// on the standard port of https instead of http.
bool stays_on_host(const Url& origin, const Url& target);

/// True for "localhost", 127.0.0.0/8 and ::1.
bool is_loopback(std::string_view host);

/// True if a bearer token may travel to this URL: over https, or to a loopback address.
bool may_carry_token(const Url& url);

/// Everything but unreserved characters as %XX.
std::string percent_encode(std::string_view text);

/// The URL without query and fragment, for messages.
std::string_view without_query(std::string_view url);

using Substitutions = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Replaces each "{name}" of a URL template by its percent-encoded value.
/// @throws std::invalid_argument  a name without a value
std::string expand_template(std::string_view url_template, Substitutions substitutions);

}  // namespace gracedb
