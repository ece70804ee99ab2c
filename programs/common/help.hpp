#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The layout of help texts.
namespace gracedb::programs {

/// A heading and its entries: what is written, and what it means.
struct HelpSection {
  std::string heading;
  std::vector<std::pair<std::string, std::string>> entries;
};

/// Two columns, the meaning wrapped at 100 characters. Sections without entries are left out.
std::string lay_out(const std::vector<HelpSection>& sections);

}  // namespace gracedb::programs
