#pragma once

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>

namespace gracedb::rest {

/// GraceDB's answer to one request.
struct Response {
  /// For example 201; 0 if no request was made.
  int status = 0;
  /// For example "CREATED".
  std::string reason{};
  /// Names in lower case.
  std::map<std::string, std::string> headers{};
  std::string body{};

  /// The parsed body; null if the body is empty.
  /// @throws std::invalid_argument  the body is not JSON, or nested deeper than 200 levels
  nlohmann::json json() const;
};

}  // namespace gracedb::rest
