#pragma once

#include "core/json.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace gracedb::sandbox {

template <typename T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

}  // namespace gracedb::sandbox
