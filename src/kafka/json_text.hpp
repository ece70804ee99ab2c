#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

/// JSON to text and back, the same as nlohmann::json::dump() and parse() but faster: most strings need no
/// escape, and most texts are plain enough for simdjson. What is not goes by the library's own way.
namespace gracedb::kafka {

/// @throws nlohmann::json::type_error  text that is not UTF-8
std::string to_text(const nlohmann::json& value);

/// The same at the end of `text`; bytes that are not UTF-8, say in a file name, become U+FFFD.
void append_text(std::string& text, const nlohmann::json& value);

/// @throws nlohmann::json::parse_error  not JSON
nlohmann::json from_text(std::string_view text);

}  // namespace gracedb::kafka
