#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::sandbox {

/// A table of a LIGO_LW document. Names are without their prefixes: "coinc_inspiral:snr" is "snr".
class LigolwTable {
 public:
  LigolwTable(std::vector<std::string> columns, std::vector<std::optional<std::string>> cells)
      : columns_(std::move(columns)), cells_(std::move(cells)) {}

  std::size_t rows() const noexcept { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
  /// A cell's text; nothing where it is empty or there is no such column.
  std::optional<std::string> text(std::size_t row, std::string_view column) const;
  /// A cell as a number; nothing where it is empty, not a number, or NaN.
  std::optional<double> number(std::size_t row, std::string_view column) const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::optional<std::string>> cells_;  // row by row
};

/// The tables of a LIGO_LW document by name ("coinc_inspiral").
class LigolwDocument {
 public:
  /// @param contents  XML, gzipped or not
  /// @throws UnreadableEventFile
  explicit LigolwDocument(std::string_view contents);

  /// @return nullptr where there is no such table
  const LigolwTable* table(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, LigolwTable>> tables_;
};

}  // namespace gracedb::sandbox
