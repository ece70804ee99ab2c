#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace gracedb {

/// An absolute http or https URL and its parts.
struct Url {
  /// The whole URL.
  std::string text;
  /// In lower case.
  std::string scheme;
  /// In lower case, an IPv6 address without brackets.
  std::string host;
  /// The default port of the scheme if the URL has none.
  std::string port;

  bool is_https() const noexcept { return scheme == "https"; }
  /// "gracedb.ligo.org", "[::1]"
  std::string bracketed_host() const;
  /// "gracedb.ligo.org", "[::1]:8080"; without the default port of the scheme.
  std::string authority() const;
};

/// @throws std::invalid_argument  not an absolute http or https URL with a host, or a URL with a user name
Url parse_url(std::string_view text);

/// The URL of a service, ending in '/'.
/// @throws std::invalid_argument  as parse_url(), or it has a query or fragment
Url parse_service_url(std::string_view text);

/// Resolves `reference`, absolute or relative, against `base`, as for a Location header.
/// @throws std::invalid_argument  as parse_url()
Url resolve_url(const Url& base, std::string_view reference);

/// True if a request for `origin` may be sent to `target`: the same scheme, host and port, or an upgrade from
/// http to https on the same host with default ports.
bool stays_on_host(const Url& origin, const Url& target);

/// True for "localhost", 127.0.0.0/8 and ::1.
bool is_loopback(std::string_view host);

/// True if a bearer token may be sent to this URL: https, or a loopback address.
bool may_carry_token(const Url& url);

/// Encodes all but unreserved characters (RFC 3986) as %XX.
std::string percent_encode(std::string_view text);

/// The URL without query and fragment, for messages.
std::string_view without_query(std::string_view url);

using Substitutions = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Replaces each "{name}" of a URL template with its percent-encoded value.
/// @throws std::invalid_argument  a name without a value
std::string expand_template(std::string_view url_template, Substitutions substitutions);

}  // namespace gracedb
