#pragma once

#include "kafka/json_text.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gracedb::kafka {

/// The text of a JSON object, written member by member: no tree is built of what is only to be text.
class ObjectText {
 public:
  /// @param name  needs no escape
  void add(std::string_view name, const nlohmann::json& value) { append_text(member(name), value); }
  template <typename T>
  void add_or_null(std::string_view name, const std::optional<T>& value) {
    add(name, value ? nlohmann::json(*value) : nlohmann::json(nullptr));
  }
  template <typename T>
  void add_if_set(std::string_view name, const std::optional<T>& value) {
    if (value) add(name, *value);
  }
  /// @param text  JSON already
  void add_text(std::string_view name, std::string_view text) { member(name) += text; }

  /// Without the closing brace, for those who have more to add.
  std::string take_open() { return std::move(text_); }
  std::string take() {
    text_ += text_.empty() ? "{}" : "}";
    return std::move(text_);
  }

 private:
  std::string& member(std::string_view name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    return text_.append(name).append("\":");
  }

  std::string text_;
};

}  // namespace gracedb::kafka
