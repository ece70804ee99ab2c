#include "gracedb/auth/token.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace gracedb::auth {
namespace {

constexpr std::string_view scheme_mark = "://";

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Scheme and host in lower case, without a trailing slash; a path keeps its case.
std::string normalize(std::string_view audience) {
  if (audience.ends_with('/')) audience.remove_suffix(1);
  std::string normal(audience);
  const std::size_t scheme = audience.find(scheme_mark);
  const std::size_t path =
      audience.find('/', scheme == std::string_view::npos ? 0 : scheme + scheme_mark.size());
  const auto end = normal.begin() + static_cast<std::ptrdiff_t>(std::min(path, normal.size()));
  std::transform(normal.begin(), end, normal.begin(), to_lower);
  return normal;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  return text.substr(0, text.find_last_not_of(blank) + 1);
}

/// The host of "[SCHEME://]host[:port][/…]", in lower case. More than one colon without brackets is an IPv6
/// address without a port.
std::string host_of(std::string_view server) {
  server = trim(server);
  if (const std::size_t scheme = server.find(scheme_mark); scheme != std::string_view::npos) {
    server.remove_prefix(scheme + scheme_mark.size());
  }
  server = server.substr(0, server.find_first_of("/?#"));
  if (server.starts_with('[')) {
    server = server.substr(1, server.find(']') - 1);
  } else if (std::count(server.begin(), server.end(), ':') == 1) {
    server = server.substr(0, server.find(':'));
  }
  std::string host(server);
  std::transform(host.begin(), host.end(), host.begin(), to_lower);
  return host;
}

}  // namespace

bool audience_matches(const Claims& claims, std::string_view audience) {
  const std::string wanted = normalize(audience);
  const std::string as_url = wanted.find(scheme_mark) == std::string::npos ? "https://" + wanted : wanted;
  return std::any_of(claims.audience.begin(), claims.audience.end(), [&](const std::string& offered) {
    const std::string normal = normalize(offered);
    return normal == wanted || normal == as_url;
  });
}

bool audience_is_any(const Claims& claims) {
  return std::any_of(claims.audience.begin(), claims.audience.end(), [](std::string_view audience) {
    return audience == "ANY" || audience == "https://wlcg.cern.ch/jwt/v1/any";
  });
}

std::vector<std::string> audiences_of_bootstrap_servers(std::string_view bootstrap_servers) {
  std::vector<std::string> hosts;
  while (!bootstrap_servers.empty()) {
    const std::size_t length = std::min(bootstrap_servers.find(','), bootstrap_servers.size());
    std::string host = host_of(bootstrap_servers.substr(0, length));
    const bool is_new = std::find(hosts.begin(), hosts.end(), host) == hosts.end();
    if (!host.empty() && is_new) hosts.push_back(std::move(host));
    bootstrap_servers.remove_prefix(std::min(length + 1, bootstrap_servers.size()));
  }
  return hosts;
}

}  // namespace gracedb::auth
