#include "core/json.hpp"
#include "sandbox/event_parsers.hpp"

#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <new>
#include <span>
#include <string>
#include <vector>

// LIGO_LW: XML with tables, whose rows are delimited text.
namespace gracedb::sandbox {
namespace {

using nlohmann::json;

/// Unpacks one gzip member.
class Inflater {
 public:
  explicit Inflater(std::string_view data) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));  // NOLINT: zlib only reads it
    stream_.avail_in = static_cast<uInt>(data.size());
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends the next piece. @return false at the end
  bool inflate_into(std::string& output) {
    std::array<char, 65536> piece{};
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END)
      throw UnreadableEventFile("the gzip data is broken or cut off");
    output.append(piece.data(), piece.size() - stream_.avail_out);
    return result != Z_STREAM_END;
  }

 private:
  z_stream stream_{};
};

bool is_gzipped(std::string_view data) { return data.starts_with("\x1f\x8b"); }

std::string gunzip(std::string_view data, std::size_t limit) {
  Inflater inflater(data);
  std::string output;
  while (inflater.inflate_into(output)) {
    if (output.size() > limit) throw UnreadableEventFile("the gzip data is too long when unpacked");
  }
  return output;
}

constexpr std::size_t max_document_size = 256U << 20U;

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

// Splits the text of a Stream into cells, which a delimiter separates; strings are in quotes. Nothing marks
// the end of a row, and a delimiter may follow the last cell.
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
      if (text_[position_] != delimiter_)
        throw UnreadableEventFile("a delimiter is missing between two cells");
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

  // Removes backslashes in place.
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

/// A table of a LIGO_LW document. Column names have no prefix: "coinc_inspiral:snr" is "snr".
class LigolwTable {
 public:
  /// @param stream  the text of its cells
  /// @throws UnreadableEventFile
  LigolwTable(std::vector<std::string> columns, std::vector<char> stream, char delimiter);

  std::size_t rows() const noexcept { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
  /// A cell's text, valid as long as the table; empty if the cell is empty or the column is missing.
  std::optional<std::string_view> text(std::size_t row, std::string_view column) const;
  /// A cell as a number; empty if the cell is empty, not a number, or NaN.
  std::optional<double> number(std::size_t row, std::string_view column) const;

 private:
  std::vector<std::string> columns_;
  std::vector<char> stream_;
  std::vector<std::optional<std::string_view>> cells_;  // of the stream, row by row
};

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

/// Tables of a LIGO_LW document by name ("coinc_inspiral").
class LigolwDocument {
 public:
  /// @param contents  XML, gzipped or not
  /// @param wanted    the tables to parse; others are skipped
  /// @throws UnreadableEventFile
  LigolwDocument(std::string_view contents, std::initializer_list<std::string_view> wanted);

  /// @return nullptr if the table is missing or was not wanted
  const LigolwTable* table(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, LigolwTable>> tables_;
};

LigolwDocument::LigolwDocument(std::string_view contents, std::initializer_list<std::string_view> wanted) {
  std::string unpacked;
  if (is_gzipped(contents)) contents = unpacked = gunzip(contents, max_document_size);
  pugi::xml_document document;
  const auto result = document.load_buffer(contents.data(), contents.size());
  if (!result) {
    throw UnreadableEventFile("not XML: " + std::string(result.description()) + " at byte " +
                              std::to_string(result.offset));
  }
  // LIGO_LW elements may be nested.
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

// One name per line would make the lists too long to read.
// clang-format off
constexpr const char* coinc_inspiral_texts[] = {"ifos"};

constexpr const char* coinc_inspiral_integers[] = {"end_time", "end_time_ns"};

constexpr const char* coinc_inspiral_reals[] = {
    "mass", "mchirp", "minimum_duration", "snr", "false_alarm_rate", "combined_far"};

constexpr const char* single_inspiral_texts[] = {
    "ifo", "search", "channel"};

constexpr const char* single_inspiral_integers[] = {
    "end_time", "end_time_ns", "impulse_time", "impulse_time_ns", "chisq_dof", "bank_chisq_dof",
    "cont_chisq_dof"};

constexpr const char* single_inspiral_reals[] = {
    "end_time_gmst", "template_duration", "event_duration", "amplitude", "eff_distance", "coa_phase", "mass1",
    "mass2", "mchirp", "mtotal", "eta", "kappa", "chi", "tau0", "tau2", "tau3", "tau4", "tau5", "ttotal",
    "psi0", "psi3", "alpha", "alpha1", "alpha2", "alpha3", "alpha4", "alpha5", "alpha6", "beta", "f_final",
    "snr", "chisq", "bank_chisq", "cont_chisq", "sigmasq", "rsqveto_duration", "Gamma0", "Gamma1", "Gamma2",
    "Gamma3", "Gamma4", "Gamma5", "Gamma6", "Gamma7", "Gamma8", "Gamma9", "spin1x", "spin1y", "spin1z",
    "spin2x", "spin2y", "spin2z"};

constexpr const char* injection_texts[] = {"waveform"};

constexpr const char* injection_integers[] = {"geocent_end_time", "geocent_end_time_ns"};

constexpr const char* injection_reals[] = {
    "mass1", "mass2", "eta", "mchirp", "amp_order", "coa_phase", "spin1x", "spin1y", "spin1z", "spin2x",
    "spin2y", "spin2z", "end_time_gmst", "f_lower", "f_final", "distance", "latitude", "longitude",
    "polarization", "inclination", "theta0", "phi0"};
// clang-format on

using Columns = std::span<const char* const>;

void add_texts(json& attributes, const LigolwTable& table, std::size_t row, Columns columns) {
  for (const char* column : columns)
    attributes[column] = or_null(table.text(row, column));
}

void add_integers(json& attributes, const LigolwTable& table, std::size_t row, Columns columns) {
  for (const char* column : columns)
    attributes[column] = or_null(to_integer(table.number(row, column)));
}

void add_reals(json& attributes, const LigolwTable& table, std::size_t row, Columns columns) {
  for (const char* column : columns)
    attributes[column] = or_null(table.number(row, column));
}

json coinc_attributes(const LigolwTable& coinc) {
  json attributes = json::object();
  add_texts(attributes, coinc, 0, coinc_inspiral_texts);
  add_integers(attributes, coinc, 0, coinc_inspiral_integers);
  add_reals(attributes, coinc, 0, coinc_inspiral_reals);
  return attributes;
}

json single_attributes(const LigolwTable& singles) {
  json rows = json::array();
  for (std::size_t row = 0; row < singles.rows(); ++row) {
    json attributes = json::object();
    add_texts(attributes, singles, row, single_inspiral_texts);
    add_integers(attributes, singles, row, single_inspiral_integers);
    add_reals(attributes, singles, row, single_inspiral_reals);
    rows.push_back(std::move(attributes));
  }
  return rows;
}

std::optional<double> gps_time_at(const LigolwTable& table, const char* seconds, const char* nanoseconds) {
  const auto whole = table.number(0, seconds);
  if (!whole) return {};
  return *whole + table.number(0, nanoseconds).value_or(0) * 1e-9;
}

}  // namespace

EventFacts parse_coinc_file(std::string_view contents) {
  const LigolwDocument document(contents, {"coinc_inspiral", "coinc_event", "sngl_inspiral"});
  const LigolwTable* coinc = document.table("coinc_inspiral");
  if (coinc == nullptr || coinc->rows() == 0) throw UnreadableEventFile("no row in a coinc_inspiral table");
  EventFacts facts;
  facts.gpstime = gps_time_at(*coinc, "end_time", "end_time_ns");
  if (!facts.gpstime) throw UnreadableEventFile("no end_time in the coinc_inspiral table");
  facts.far = coinc->number(0, "combined_far");
  facts.instruments = coinc->text(0, "ifos");
  json attributes = json::object();
  attributes["CoincInspiral"] = coinc_attributes(*coinc);
  if (const LigolwTable* event = document.table("coinc_event")) {
    facts.nevents = to_integer(event->number(0, "nevents"));
    facts.likelihood = event->number(0, "likelihood");
  }
  if (const LigolwTable* singles = document.table("sngl_inspiral")) {
    attributes["SingleInspiral"] = single_attributes(*singles);
  }
  facts.extra_attributes = dump_json(attributes);
  return facts;
}

EventFacts parse_sim_inspiral_file(std::string_view contents) {
  const LigolwDocument document(contents, {"sim_inspiral"});
  const LigolwTable* injection = document.table("sim_inspiral");
  if (injection == nullptr || injection->rows() == 0)
    throw UnreadableEventFile("no row in a sim_inspiral table");
  EventFacts facts;
  facts.gpstime = gps_time_at(*injection, "geocent_end_time", "geocent_end_time_ns");
  json attributes = json::object();
  add_reals(attributes, *injection, 0, injection_reals);
  add_texts(attributes, *injection, 0, injection_texts);
  add_integers(attributes, *injection, 0, injection_integers);
  facts.extra_attributes = dump_json({{"SimInspiral", std::move(attributes)}});
  return facts;
}

}  // namespace gracedb::sandbox
