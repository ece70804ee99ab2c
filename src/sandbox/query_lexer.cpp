#include "sandbox/query_lexer.hpp"

#include "sandbox/event_query.hpp"

#include <cctype>

namespace gracedb::sandbox {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_symbol(char c) { return std::string_view(":<>=&|~()\"").find(c) != std::string_view::npos; }

std::string_view take_symbol(std::string_view text) {
  for (const std::string_view symbol : {"..", "<=", ">=", ":", "<", ">", "=", "&", "|", "~", "(", ")"}) {
    if (text.starts_with(symbol)) return symbol;
  }
  return {};
}

std::string_view take_word(std::string_view text) {
  const bool is_number_like = is_digit(text.front());
  std::size_t size = 0;
  for (; size < text.size(); ++size) {
    const std::string_view rest = text.substr(size);
    const bool is_clock_colon = is_number_like && rest.front() == ':' && rest.size() > 1 && is_digit(rest[1]);
    if (is_clock_colon) continue;
    if (is_space(rest.front()) || is_symbol(rest.front()) || rest.starts_with("..")) break;
  }
  return text.substr(0, size);
}

}  // namespace

std::vector<QueryToken> split_query(std::string_view query) {
  std::vector<QueryToken> tokens;
  while (!query.empty()) {
    if (is_space(query.front())) {
      query.remove_prefix(1);
    } else if (query.front() == '"') {
      const std::size_t end = query.find('"', 1);
      if (end == std::string_view::npos) throw InvalidQuery("a quoted text does not end");
      tokens.push_back({QueryToken::Kind::quoted, std::string(query.substr(1, end - 1))});
      query.remove_prefix(end + 1);
    } else if (const std::string_view symbol = take_symbol(query); !symbol.empty()) {
      tokens.push_back({QueryToken::Kind::symbol, std::string(symbol)});
      query.remove_prefix(symbol.size());
    } else {
      const std::string_view word = take_word(query);
      tokens.push_back({QueryToken::Kind::word, std::string(word)});
      query.remove_prefix(word.size());
    }
  }
  tokens.push_back({});
  return tokens;
}

}  // namespace gracedb::sandbox
