#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gracedb::sandbox {

struct QueryToken {
  enum class Kind { word, quoted, symbol, end };
  Kind kind = Kind::end;
  std::string text;

  bool is_symbol(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_text() const { return kind == Kind::word || kind == Kind::quoted; }
};

/// Splits a query into words, quoted texts and the symbols : < <= > >= = .. & | ~ ( ). The last token is
/// `end`. A word that begins with a digit may hold colons, so that "03:04:05" is one word.
/// @throws InvalidQuery
std::vector<QueryToken> split_query(std::string_view query);

}  // namespace gracedb::sandbox
