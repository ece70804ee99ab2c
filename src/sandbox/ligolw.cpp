#include "sandbox/ligolw.hpp"

#include "sandbox/event_parser.hpp"
#include "sandbox/gunzip.hpp"

#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace gracedb::sandbox {
namespace {

constexpr std::size_t longest_document = 256U << 20U;

// "coinc_inspiral:snr" and "coinc_inspiral:coinc_event:coinc_event_id" end in the column's own name.
std::string_view last_part(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view table_name(std::string_view name) {
  constexpr std::string_view suffix = ":table";
  if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  return last_part(name);
}

// The text of a Stream: cells with a delimiter between them, in quotes where they are strings. Rows have no
// mark of their own, and the last cell may or may not have a delimiter after it.
class CellReader {
 public:
  using Cells = std::vector<std::optional<std::string_view>>;

  CellReader(std::span<char> text, char delimiter)
      : text_(text.data(), text.size()), writable_(text), delimiter_(delimiter) {}

  Cells read(std::size_t columns) {
    Cells cells;
    skip_space();
    while (position_ < text_.size()) {
      cells.push_back(read_cell());
      skip_space();
      if (position_ == text_.size()) return cells;
      if (text_[position_] != delimiter_) throw UnreadableEventFile("a table's cells are not well separated");
      ++position_;
      skip_space();
    }
    if (columns > 0 && cells.size() % columns == columns - 1) cells.emplace_back();
    return cells;
  }

 private:
  bool at_space() const {
    const char c = text_[position_];
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  }
  void skip_space() {
    while (position_ < text_.size() && at_space())
      ++position_;
  }

  std::optional<std::string_view> read_cell() {
    if (text_[position_] == '"') return read_quoted();
    const std::size_t end = std::min(text_.find(delimiter_, position_), text_.size());
    std::string_view cell = text_.substr(position_, end - position_);
    position_ = end;
    cell = cell.substr(0, cell.find_last_not_of(" \t\r\n") + 1);
    if (cell.empty()) return {};
    return cell;
  }

  // Without its backslashes it is shorter, so it stays where it is.
  std::string_view read_quoted() {
    const std::size_t begin = ++position_;
    std::size_t end = begin;
    for (; position_ < text_.size(); ++position_) {
      if (text_[position_] == '"') {
        ++position_;
        return text_.substr(begin, end - begin);
      }
      if (text_[position_] == '\\' && position_ + 1 < text_.size()) ++position_;
      writable_[end++] = text_[position_];
    }
    throw UnreadableEventFile("a quoted cell does not end");
  }

  std::string_view text_;
  std::span<char> writable_;
  char delimiter_;
  std::size_t position_ = 0;
};

std::vector<char> text_of(const pugi::xml_node& node) {
  std::vector<char> text;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_pcdata && child.type() != pugi::node_cdata) continue;
    const std::string_view part = child.value();
    text.insert(text.end(), part.begin(), part.end());
  }
  return text;
}

LigolwTable read_table(const pugi::xml_node& node) {
  std::vector<std::string> columns;
  for (const pugi::xml_node& column : node.children("Column")) {
    columns.emplace_back(last_part(column.attribute("Name").value()));
  }
  const pugi::xml_node stream = node.child("Stream");
  const std::string_view delimiter = stream.attribute("Delimiter").as_string(",");
  try {
    return {std::move(columns), text_of(stream), delimiter.empty() ? ',' : delimiter.front()};
  } catch (const UnreadableEventFile& fault) {
    throw UnreadableEventFile("table " + std::string(node.attribute("Name").value()) + ": " + fault.what());
  }
}

}  // namespace

LigolwTable::LigolwTable(std::vector<std::string> columns, std::vector<char> stream, char delimiter)
    : columns_(std::move(columns)),
      stream_(std::move(stream)),
      cells_(CellReader(stream_, delimiter).read(columns_.size())) {
  if (columns_.empty() ? !cells_.empty() : cells_.size() % columns_.size() != 0)
    throw UnreadableEventFile("a row is too short or too long");
}

std::optional<std::string_view> LigolwTable::text(std::size_t row, std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end() || row >= rows()) return {};
  return cells_[row * columns_.size() + static_cast<std::size_t>(found - columns_.begin())];
}

std::optional<double> LigolwTable::number(std::size_t row, std::string_view column) const {
  const auto cell = text(row, column);
  if (!cell) return {};
  double value = 0;
  const char* end = cell->data() + cell->size();
  const auto [stop, error] = std::from_chars(cell->data(), end, value);
  if (error != std::errc() || stop != end || std::isnan(value)) return {};
  return value;
}

LigolwDocument::LigolwDocument(std::string_view contents, std::initializer_list<std::string_view> wanted) {
  std::string unpacked;
  if (is_gzipped(contents)) contents = unpacked = gunzip(contents, longest_document);
  pugi::xml_document document;
  const auto result = document.load_buffer(contents.data(), contents.size());
  if (!result) {
    throw UnreadableEventFile("not XML: " + std::string(result.description()) + " at byte " +
                              std::to_string(result.offset));
  }
  // LIGO_LW elements may lie within one another.
  for (const pugi::xpath_node& found : document.select_nodes("//Table")) {
    const pugi::xml_node node = found.node();
    const std::string_view name = table_name(node.attribute("Name").value());
    if (std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      tables_.emplace_back(name, read_table(node));
  }
}

const LigolwTable* LigolwDocument::table(std::string_view name) const {
  const auto found =
      std::find_if(tables_.begin(), tables_.end(), [name](const auto& entry) { return entry.first == name; });
  return found == tables_.end() ? nullptr : &found->second;
}

}  // namespace gracedb::sandbox
