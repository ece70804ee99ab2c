#pragma once

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>

namespace gracedb::rest {

/// GraceDB's answer to one request.
struct Response {
  int status = 0;                                ///< e.g. 201; 0 where no request was made
  std::string reason{};                          ///< e.g. "CREATED"
  std::map<std::string, std::string> headers{};  ///< names in lower case
  std::string body{};

  /// The body parsed; null where there is none.
  /// @throws std::invalid_argument  the body is not JSON
  nlohmann::json json() const;
};

}  // namespace gracedb::rest
