#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// JSON by nlohmann/json, safe for text from outside.
namespace gracedb {

/// Deeper JSON is rejected: copying and printing a tree takes stack for each level.
inline constexpr std::size_t max_json_depth = 200;

/// @throws std::invalid_argument  not JSON, deeper than max_json_depth, or a number that no double holds; the
///                                message says where
nlohmann::json parse_json(std::string_view text);

/// Compact JSON; bytes that are not UTF-8, for example in a file name, become U+FFFD.
std::string dump_json(const nlohmann::json& value);

}  // namespace gracedb
