#include "core/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace gracedb {

nlohmann::json parse_json(std::string_view text) {
  using nlohmann::json;
  const auto check_depth = [](int depth, json::parse_event_t, json&) {
    if (depth >= static_cast<int>(max_json_depth)) {
      throw std::invalid_argument("JSON is nested deeper than " + std::to_string(max_json_depth) + " levels");
    }
    return true;
  };
  try {
    return json::parse(text, check_depth);
  } catch (const json::exception& fault) {
    const std::string_view what = fault.what();  // "[json.exception.parse_error.101] parse error at …"
    throw std::invalid_argument(std::string(what.substr(std::min(what.find("] ") + 2, what.size()))));
  }
}

std::string dump_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gracedb
