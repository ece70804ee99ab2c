#include "sandbox/event_query.hpp"

#include "core/text.hpp"
#include "sandbox/catalog.hpp"
#include "sandbox/graceid.hpp"
#include "sandbox/query_lexer.hpp"
#include "sandbox/query_time.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace gracedb::sandbox {
namespace {

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

/// Keywords of columns that hold a name, and of those that hold a number.
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
    hide_unless_asked();
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
    if (!is_label(word)) throw InvalidQuery("'" + word + "' is no group, pipeline, search, label or graceid");
    --position_;
    all_.push_back(label_expression());
  }

  void name_condition(const std::string& kind, const std::string& column, std::string name) {
    if (kind == "group" && to_lower(name) == "test") test_is_asked_for_ = true;
    if (kind == "search" && to_lower(name) == "mdc") mdc_is_asked_for_ = true;
    const bool minds_case = kind == "replay_id";
    alternatives_[kind].push_back(
        {column + (minds_case ? " = ?" : " = ? COLLATE NOCASE"), {std::move(name)}});
  }

  void id_condition(const std::string& text) {
    const auto id = parse_event_id(text);
    if (!id) throw InvalidQuery("'" + text + "' is not a graceid");
    test_is_asked_for_ = mdc_is_asked_for_ = true;
    if (const auto* const content_id = std::get_if<ContentId>(&*id)) {
      alternatives_["id"].push_back({"content_id = ?", {*content_id}});
      return;
    }
    const Graceid first = std::get<Graceid>(*id);
    Graceid last = first;
    if (take_symbol("..")) {
      const auto end = parse_event_id(take_text("a graceid"));
      if (!end || !std::holds_alternative<Graceid>(*end))
        throw InvalidQuery("a range of graceids has no end");
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
    // A time is given to the second.
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

  void hide_unless_asked() {
    if (!test_is_asked_for_) all_.push_back({"\"group\" <> 'Test'", {}});
    if (!mdc_is_asked_for_) all_.push_back({"search IS NOT 'MDC'", {}});
  }

  std::vector<QueryToken> tokens_;
  TimePoint now_;
  std::size_t position_ = 0;
  int depth_ = 0;
  bool test_is_asked_for_ = false;
  bool mdc_is_asked_for_ = false;
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
