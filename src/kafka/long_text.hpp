#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gracedb::kafka {

/// A JSON text without the one long string in it: an event file is most of a message, and reading it as JSON
/// would cost more than decoding it.
struct WithoutLongText {
  /// Stands in the long string's place; nothing else in `rest` is equal to it.
  static constexpr std::string_view placeholder = "<the long text>";

  std::string rest;
  /// What may be the long string. `rest` is the same JSON only if there is neither '"' nor '\' in it, which
  /// base64 never has.
  std::string_view text;
};

/// None where no string is long, or where there is an escape outside of it.
std::optional<WithoutLongText> cut_long_text(std::string_view json);

}  // namespace gracedb::kafka
