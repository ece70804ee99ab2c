#include "gracedb/rest/response.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace gracedb::rest {

nlohmann::json Response::json() const {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) return nullptr;
  try {
    return nlohmann::json::parse(body);
  } catch (const nlohmann::json::parse_error& error) {
    throw std::invalid_argument(fmt::format("GraceDB's answer ({} {}) is not JSON: wrong at byte {} of {}",
                                            status, reason, error.byte, body.size()));
  }
}

}  // namespace gracedb::rest
