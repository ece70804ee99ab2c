#include "supervisor/service_address.hpp"

#include "core/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace gracedb::supervisor {
namespace {

// The path of a URL, "/" at least.
std::string_view path_of(std::string_view url) {
  const std::size_t authority = url.find("://") + 3;
  const std::size_t path = url.find('/', authority);
  return path == std::string_view::npos ? "/" : url.substr(path);
}

bool is_version(std::string_view segment) {
  return segment.size() > 1 && segment.front() == 'v' &&
         std::all_of(segment.begin() + 1, segment.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "/api/v2/" gives "/api/".
std::string_view without_version(std::string_view path) {
  const std::string_view parent = path.substr(0, path.size() - 1);
  const std::size_t slash = parent.rfind('/');
  if (slash == std::string_view::npos || !is_version(parent.substr(slash + 1))) return path;
  return path.substr(0, slash + 1);
}

}  // namespace

ServiceAddress::ServiceAddress(std::string_view url) {
  const Url service = parse_service_url(url);
  text_ = fmt::format("{}://{}:{}{}", service.scheme, service.host, service.port,
                      without_version(path_of(service.text)));
}

}  // namespace gracedb::supervisor
