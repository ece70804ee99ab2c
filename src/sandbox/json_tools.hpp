#pragma once

#include "kafka/json_text.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace gracedb::sandbox {

template <typename T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

/// Compact JSON; bytes that are not UTF-8 are replaced.
inline std::string to_text(const nlohmann::json& document) {
  std::string text;
  kafka::append_text(text, document);
  return text;
}

}  // namespace gracedb::sandbox
