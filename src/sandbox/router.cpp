#include "sandbox/router.hpp"

#include <nlohmann/json.hpp>

namespace gracedb::sandbox {
namespace {

bool is_field(std::string_view segment) { return segment.starts_with('{'); }

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_field(pattern[i]) && pattern[i] != path[i]) return false;
  }
  return true;
}

}  // namespace

Route& Router::add(std::string method, std::string_view pattern,
                   std::function<Answer(const Request&)> handler) {
  return routes_.emplace_back(Route{std::move(method), parse_path(pattern), std::move(handler)});
}

const Route& Router::find(Request& request) const {
  bool path_exists = false;
  for (const Route& route : routes_) {
    if (!matches(route.pattern, request.path)) continue;
    path_exists = true;
    if (route.method != request.method) continue;
    for (std::size_t i = 0; i < request.path.size(); ++i) {
      const std::string& segment = route.pattern[i];
      if (is_field(segment)) request.path_fields[segment.substr(1, segment.size() - 2)] = request.path[i];
    }
    return route;
  }
  if (!path_exists) throw Refusal(json_answer(404, {{"detail", "Not found."}}));
  throw Refusal(json_answer(405, {{"detail", "Method \"" + request.method + "\" not allowed."}}));
}

}  // namespace gracedb::sandbox
