#pragma once

#include "common/output.hpp"
#include "supervisor/dead_letter_store.hpp"

#include <string>
#include <string_view>
#include <vector>

/// How dead letters are shown: never their file, never a token.
namespace gracedb::supervisor {

/// One line of a list.
struct LetterLine {
  std::string id;
  std::string store;  ///< "spool", "topic"
  std::string reason;
  std::string size;
  std::string time;  ///< of the message
  std::string detail;
};

LetterLine line_of(const DeadLetter& letter, std::string_view store);
std::string table_of(const std::vector<LetterLine>& lines, const programs::Style& style, bool with_heading);

/// Everything but the file, a line each.
std::string describe(const DeadLetter& letter, std::string_view store, const programs::Style& style);

/// One line of JSON; `in_full` with headers and what the message says of itself.
std::string to_json(const DeadLetter& letter, std::string_view store, bool in_full);

}  // namespace gracedb::supervisor
