#include "sandbox/query.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>

namespace gracedb::sandbox {
namespace {

using std::chrono::days;
using std::chrono::seconds;

struct QueryToken {
  enum class Kind { word, quoted, symbol, end };
  Kind kind = Kind::end;
  std::string text;

  bool is_symbol(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_text() const { return kind == Kind::word || kind == Kind::quoted; }
};

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_symbol(char c) { return std::string_view(":<>=&|~()\"").find(c) != std::string_view::npos; }

std::string_view leading_symbol(std::string_view text) {
  for (const std::string_view symbol : {"..", "<=", ">=", ":", "<", ">", "=", "&", "|", "~", "(", ")"}) {
    if (text.starts_with(symbol)) return symbol;
  }
  return {};
}

std::string_view leading_word(std::string_view text) {
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

/// Splits a query into words, quoted texts and the symbols : < <= > >= = .. & | ~ ( ). The last token is
/// `end`. A word that begins with a digit may contain colons, so that "03:04:05" is one word.
/// @throws InvalidQuery
std::vector<QueryToken> split_query(std::string_view query) {
  std::vector<QueryToken> tokens;
  while (!query.empty()) {
    if (is_space(query.front())) {
      query.remove_prefix(1);
    } else if (query.front() == '"') {
      const std::size_t end = query.find('"', 1);
      if (end == std::string_view::npos) throw InvalidQuery("a closing '\"' is missing");
      tokens.push_back({QueryToken::Kind::quoted, std::string(query.substr(1, end - 1))});
      query.remove_prefix(end + 1);
    } else if (const std::string_view symbol = leading_symbol(query); !symbol.empty()) {
      tokens.push_back({QueryToken::Kind::symbol, std::string(symbol)});
      query.remove_prefix(symbol.size());
    } else {
      const std::string_view word = leading_word(query);
      tokens.push_back({QueryToken::Kind::word, std::string(word)});
      query.remove_prefix(word.size());
    }
  }
  tokens.push_back({});
  return tokens;
}

/// A time in a query: "now", "today", "yesterday", "2026-11-22", "2026-11-22 03:04:05", "3 days ago".
struct QueryTime {
  TimePoint begin;
  /// Of the day, if only a day is given; else `begin`.
  TimePoint end;
};

std::optional<int> to_number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) return {};
  return value;
}

/// Three numbers with a separator, as in a date or a time of day; a fraction of the last is ignored.
std::optional<std::array<int, 3>> three_numbers(std::string_view text, char separator) {
  std::array<int, 3> numbers{};
  for (int& number : numbers) {
    const std::size_t end = &number == &numbers.back() ? text.find('.') : text.find(separator);
    const auto value = to_number(text.substr(0, end));
    if (!value) return {};
    number = *value;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return numbers;
}

std::optional<TimePoint> parse_day(std::string_view text) {
  const auto numbers = three_numbers(text, '-');
  if (!numbers) return {};
  const auto [year, month, day] = *numbers;
  const auto date = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) /
                    std::chrono::day(static_cast<unsigned>(day));
  if (!date.ok()) return {};
  return TimePoint{std::chrono::sys_days{date}};
}

std::optional<seconds> parse_time_of_day(std::string_view text) {
  const auto numbers = three_numbers(text, ':');
  if (!numbers) return {};
  const auto [hours, minutes, rest] = *numbers;
  if (hours > 23 || minutes > 59 || rest > 60) return {};
  return seconds(hours * 3600 + minutes * 60 + rest);
}

seconds unit_length(std::string_view unit) {
  if (unit == "day" || unit == "days") return days(1);
  if (unit == "week" || unit == "weeks") return days(7);
  if (unit == "hour" || unit == "hours") return std::chrono::hours(1);
  if (unit == "minute" || unit == "minutes") return std::chrono::minutes(1);
  return seconds(0);
}

QueryTime whole_day(TimePoint midnight) { return {midnight, midnight + days(1)}; }

/// Parses the time at `position` and advances `position` past it.
/// @throws InvalidQuery
QueryTime parse_query_time(const std::vector<QueryToken>& tokens, std::size_t& position, TimePoint now) {
  const auto text_at = [&tokens](std::size_t index) {
    return index < tokens.size() && tokens[index].is_text() ? std::string_view{tokens[index].text}
                                                            : std::string_view{};
  };
  const std::string_view first = text_at(position);
  const TimePoint midnight = std::chrono::floor<days>(now);
  if (first == "now") return ++position, QueryTime{now, now};
  if (first == "today") return ++position, whole_day(midnight);
  if (first == "yesterday") return ++position, whole_day(midnight - days(1));
  const seconds unit = unit_length(text_at(position + 1));
  if (const auto count = to_number(first); count && unit > seconds(0) && text_at(position + 2) == "ago") {
    position += 3;
    return {now - *count * unit, now - *count * unit};
  }
  const auto day = parse_day(first.substr(0, first.find_first_of("T ")));
  if (!day) throw InvalidQuery("'" + std::string(first) + "' is not a time");
  const std::size_t split = first.find_first_of("T ");
  const bool is_one_word = split != std::string_view::npos;
  const auto time = parse_time_of_day(is_one_word ? first.substr(split + 1) : text_at(position + 1));
  if (is_one_word && !time) throw InvalidQuery("'" + std::string(first) + "' is not a time");
  position += time && !is_one_word ? 2 : 1;
  if (!time) return whole_day(*day);
  return {*day + *time, *day + *time};
}

struct Condition {
  std::string sql;
  std::vector<EventFilter::Value> parameters;
};

Condition joined(const std::vector<Condition>& conditions, std::string_view word) {
  Condition whole{"(", {}};
  for (const Condition& condition : conditions) {
    if (whole.sql.size() > 1) whole.sql.append(" ").append(word).append(" ");
    whole.sql += condition.sql;
    whole.parameters.insert(whole.parameters.end(), condition.parameters.begin(), condition.parameters.end());
  }
  whole.sql += ")";
  return whole;
}

bool is_one_of(std::span<const std::string_view> names, std::string_view wanted) {
  const std::string lower = to_lower(wanted);
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return to_lower(name) == lower; });
}

/// Keywords of columns with names, and of columns with numbers.
const std::map<std::string_view, std::string>& name_columns() {
  static const std::map<std::string_view, std::string> columns = {
      {"group", "\"group\""},     {"pipeline", "pipeline"},       {"search", "search"},
      {"submitter", "submitter"}, {"instruments", "instruments"}, {"replay_id", "replay_id"}};
  return columns;
}
const std::map<std::string_view, std::string>& number_columns() {
  static const std::map<std::string_view, std::string> columns = {
      {"far", "far"}, {"gpstime", "gpstime"}, {"nevents", "nevents"}, {"likelihood", "likelihood"}};
  return columns;
}

class QueryParser {
 public:
  QueryParser(std::string_view query, TimePoint now) : tokens_(split_query(query)), now_(now) {}

  EventFilter parse() {
    while (here().kind != QueryToken::Kind::end)
      term();
    exclude_test_and_mdc();
    for (const auto& [kind, alternatives] : alternatives_)
      all_.push_back(joined(alternatives, "OR"));
    EventFilter filter;
    if (all_.empty()) return filter;
    Condition whole = joined(all_, "AND");
    filter.where = std::move(whole.sql);
    filter.parameters = std::move(whole.parameters);
    return filter;
  }

 private:
  const QueryToken& here() const { return tokens_[position_]; }
  const QueryToken& next() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }

  QueryToken take() { return here().kind == QueryToken::Kind::end ? here() : tokens_[position_++]; }
  bool take_symbol(std::string_view symbol) {
    if (!here().is_symbol(symbol)) return false;
    ++position_;
    return true;
  }
  std::string take_text(const char* what) {
    if (!here().is_text()) throw InvalidQuery(std::string("expected ") + what);
    return take().text;
  }

  bool is_keyword_here() const {
    return here().kind == QueryToken::Kind::word &&
           (next().is_symbol(":") || next().is_symbol("<") || next().is_symbol("<=") ||
            next().is_symbol(">") || next().is_symbol(">=") || next().is_symbol("="));
  }

  void term() {
    if (is_keyword_here()) {
      keyword_term();
    } else if (here().is_symbol("~") || here().is_symbol("(")) {
      all_.push_back(label_expression());
    } else {
      bare_term();
    }
  }

  void keyword_term() {
    const std::string keyword = to_lower(take().text);
    const std::string comparison = take().text;
    if (const auto column = number_columns().find(keyword); column != number_columns().end()) {
      all_.push_back(number_condition(column->second, comparison));
    } else if (keyword == "created") {
      all_.push_back(created_condition(comparison));
    } else if (comparison != ":" && comparison != "=") {
      throw InvalidQuery("'" + keyword + "' cannot be compared with '" + comparison + "'");
    } else if (const auto name = name_columns().find(keyword); name != name_columns().end()) {
      name_condition(keyword, name->second, take_text("a name"));
    } else if (keyword == "label" || keyword == "labels") {
      all_.push_back(label_expression());
    } else if (keyword == "id" || keyword == "graceid") {
      id_condition(take_text("a graceid"));
    } else if (keyword == "superevent") {
      take_text("a superevent");
      all_.push_back({"0", {}});
    } else {
      throw InvalidQuery("unknown keyword '" + keyword + "'");
    }
  }

  void bare_term() {
    const std::string word = take_text("a term");
    if (is_one_of(groups(), word)) return name_condition("group", "\"group\"", word);
    if (is_one_of(pipelines(), word)) return name_condition("pipeline", "pipeline", word);
    if (is_one_of(searches(), word)) return name_condition("search", "search", word);
    if (parse_event_id(word)) return id_condition(word);
    if (!is_label(word))
      throw InvalidQuery("'" + word + "' is not a group, pipeline, search, label or graceid");
    --position_;
    all_.push_back(label_expression());
  }

  void name_condition(const std::string& kind, const std::string& column, std::string name) {
    if (kind == "group" && to_lower(name) == "test") includes_test_ = true;
    if (kind == "search" && to_lower(name) == "mdc") includes_mdc_ = true;
    const bool is_case_sensitive = kind == "replay_id";
    alternatives_[kind].push_back(
        {column + (is_case_sensitive ? " = ?" : " = ? COLLATE NOCASE"), {std::move(name)}});
  }

  void id_condition(const std::string& text) {
    const auto id = parse_event_id(text);
    if (!id) throw InvalidQuery("'" + text + "' is not a graceid");
    includes_test_ = includes_mdc_ = true;
    if (const auto* const content_id = std::get_if<ContentId>(&*id)) {
      alternatives_["id"].push_back({"content_id = ?", {*content_id}});
      return;
    }
    const Graceid first = std::get<Graceid>(*id);
    Graceid last = first;
    if (take_symbol("..")) {
      const auto end = parse_event_id(take_text("a graceid"));
      if (!end || !std::holds_alternative<Graceid>(*end))
        throw InvalidQuery("the end of a range of graceids is missing");
      last = std::get<Graceid>(*end);
    }
    alternatives_["id"].push_back({"(number BETWEEN ? AND ? AND ? IN ('G', prefix))",
                                   {first.number, last.number, std::string(1, first.prefix)}});
  }

  Condition number_condition(const std::string& column, const std::string& comparison) {
    const double first = take_number();
    if (comparison != ":" && comparison != "=") return {column + " " + comparison + " ?", {first}};
    if (take_symbol("..")) return {column + " BETWEEN ? AND ?", {first, take_number()}};
    return {column + " = ?", {first}};
  }

  double take_number() {
    const std::string text = take_text("a number");
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) throw InvalidQuery("'" + text + "' is not a number");
    return value;
  }

  Condition created_condition(const std::string& comparison) {
    const auto microseconds = [](TimePoint time) { return std::int64_t{time.time_since_epoch().count()}; };
    const QueryTime first = parse_query_time(tokens_, position_, now_);
    if (comparison == "<") return {"created < ?", {microseconds(first.begin)}};
    if (comparison == "<=") return {"created <= ?", {microseconds(first.end)}};
    if (comparison == ">") return {"created > ?", {microseconds(first.end)}};
    if (comparison == ">=") return {"created >= ?", {microseconds(first.begin)}};
    TimePoint end = first.end;
    if (take_symbol("..")) end = parse_query_time(tokens_, position_, now_).end;
    // The resolution of a time is one second.
    if (end == first.begin) end += std::chrono::seconds(1);
    return {"created BETWEEN ? AND ?", {microseconds(first.begin), microseconds(end)}};
  }

  // '~' binds stronger than '&', and that stronger than '|'.
  Condition label_expression() {
    std::vector<Condition> parts = {label_conjunction()};
    while (take_symbol("|"))
      parts.push_back(label_conjunction());
    return joined(parts, "OR");
  }
  Condition label_conjunction() {
    std::vector<Condition> parts = {label_factor()};
    while (take_symbol("&"))
      parts.push_back(label_factor());
    return joined(parts, "AND");
  }
  Condition label_factor() {
    constexpr int deepest = 50;
    if (++depth_ > deepest) throw InvalidQuery("too many nested terms");
    Condition condition;
    if (take_symbol("~")) {
      condition = label_factor();
      condition.sql.insert(0, "NOT ");
    } else if (take_symbol("(")) {
      condition = label_expression();
      if (!take_symbol(")")) throw InvalidQuery("a ')' is missing");
    } else {
      condition = {"EXISTS (SELECT 1 FROM labels WHERE event = events.number AND name = ? COLLATE NOCASE)",
                   {take_text("a label")}};
    }
    --depth_;
    return condition;
  }

  void exclude_test_and_mdc() {
    if (!includes_test_) all_.push_back({"\"group\" <> 'Test'", {}});
    if (!includes_mdc_) all_.push_back({"search IS NOT 'MDC'", {}});
  }

  std::vector<QueryToken> tokens_;
  TimePoint now_;
  std::size_t position_ = 0;
  int depth_ = 0;
  bool includes_test_ = false;
  bool includes_mdc_ = false;
  std::vector<Condition> all_;
  std::map<std::string, std::vector<Condition>> alternatives_;
};

}  // namespace

EventFilter parse_event_query(std::string_view query, TimePoint now) {
  return QueryParser(query, now).parse();
}

std::string parse_event_order(std::string_view text) {
  static const std::map<std::string_view, std::string> columns = {
      {"created", "created"},         {"graceid", "number"},    {"id", "number"},
      {"group", "\"group\""},         {"pipeline", "pipeline"}, {"search", "search"},
      {"submitter", "submitter"},     {"far", "far"},           {"gpstime", "gpstime"},
      {"instruments", "instruments"}, {"nevents", "nevents"},   {"likelihood", "likelihood"}};
  std::string order;
  while (!text.empty()) {
    std::string_view field = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const bool is_descending = field.starts_with('-');
    if (is_descending) field.remove_prefix(1);
    const auto column = columns.find(field);
    if (column == columns.end()) throw InvalidQuery("cannot sort by '" + std::string(field) + "'");
    order += column->second + (is_descending ? " DESC, " : ", ");
  }
  return order + "number DESC";
}

}  // namespace gracedb::sandbox
