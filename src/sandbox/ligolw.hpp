#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::sandbox {

/// A table of a LIGO_LW document. Names are without their prefixes: "coinc_inspiral:snr" is "snr".
class LigolwTable {
 public:
  /// @param stream     the text of its cells
  /// @throws UnreadableEventFile
  LigolwTable(std::vector<std::string> columns, std::vector<char> stream, char delimiter);

  std::size_t rows() const noexcept { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
  /// A cell's text, for as long as the table lives; nothing where it is empty or there is no such column.
  std::optional<std::string_view> text(std::size_t row, std::string_view column) const;
  /// A cell as a number; nothing where it is empty, not a number, or NaN.
  std::optional<double> number(std::size_t row, std::string_view column) const;

 private:
  std::vector<std::string> columns_;
  std::vector<char> stream_;
  std::vector<std::optional<std::string_view>> cells_;  // of the stream, row by row
};

/// Tables of a LIGO_LW document by name ("coinc_inspiral").
class LigolwDocument {
 public:
  /// @param contents  XML, gzipped or not
  /// @param wanted    the tables to read; a file holds many that say nothing of its event
  /// @throws UnreadableEventFile
  LigolwDocument(std::string_view contents, std::initializer_list<std::string_view> wanted);

  /// @return nullptr where there is no such table, or it was not wanted
  const LigolwTable* table(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, LigolwTable>> tables_;
};

}  // namespace gracedb::sandbox
