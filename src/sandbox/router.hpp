#pragma once

#include "sandbox/http.hpp"

namespace gracedb::sandbox {

/// What a request is about, as far as faults tell requests apart.
enum class Operation { reserve, upload, create, other };

struct Route {
  std::string method;
  std::vector<std::string> pattern;  ///< segments; "{name}" takes any one segment
  std::function<Answer(const Request&)> handler;
  Operation operation = Operation::other;
  bool open_to_anonymous = false;
};

class Router {
 public:
  /// @param pattern  e.g. "events/{graceid}/log"
  Route& add(std::string method, std::string_view pattern, std::function<Answer(const Request&)> handler);

  /// The route for a path, its values put into `request.path_fields`.
  /// @throws Refusal  404 where there is none, 405 where the method is not allowed
  const Route& find(Request& request) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace gracedb::sandbox
