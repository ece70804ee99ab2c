#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace gracedb::sandbox {

/// What GET on the root of an API version answers: where everything is, and what the service knows by name.
/// @param api  "http://localhost:8080/api/v2/"
nlohmann::json api_root(std::string_view api, std::string_view server_version);

}  // namespace gracedb::sandbox
