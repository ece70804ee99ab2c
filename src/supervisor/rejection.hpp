#pragma once

#include <array>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// Why a message is set aside.
struct Rejection {
  enum class Kind {
    too_large,       ///< its value is larger than any event
    schema,          ///< not an upload or ping message as the schema has them
    foreign_server,  ///< meant for another GraceDB
    graceid,         ///< without a graceid, or one that is none
    label,           ///< a label that is none
    file,            ///< a file name or contents that GraceDB cannot take
    refused,         ///< GraceDB does not want it
  };

  Kind kind = Kind::schema;
  std::string detail;  ///< for a person, one line
};

inline constexpr std::array all_rejections{Rejection::Kind::too_large,      Rejection::Kind::schema,
                                           Rejection::Kind::foreign_server, Rejection::Kind::graceid,
                                           Rejection::Kind::label,          Rejection::Kind::file,
                                           Rejection::Kind::refused};

/// "too_large", "foreign_server", …
constexpr std::string_view name_of(Rejection::Kind kind) noexcept {
  switch (kind) {
    case Rejection::Kind::too_large:
      return "too_large";
    case Rejection::Kind::schema:
      return "schema";
    case Rejection::Kind::foreign_server:
      return "foreign_server";
    case Rejection::Kind::graceid:
      return "graceid";
    case Rejection::Kind::label:
      return "label";
    case Rejection::Kind::file:
      return "file";
    case Rejection::Kind::refused:
      return "refused";
  }
  return "unknown";
}

}  // namespace gracedb::supervisor
