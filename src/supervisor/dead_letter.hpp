#pragma once

#include "gracedb/kafka/message.hpp"

#include "supervisor/rejection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A message set aside on a topic: as it came, with headers behind its own that say where it was and why it
/// is here, those that Kafka Connect gives its dead letters.
namespace gracedb::supervisor {

/// Where a message was before it was set aside.
struct Place {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;

  static Place of(const kafka::Message& message) {
    return {message.topic, message.partition, message.offset};
  }
  friend bool operator==(const Place&, const Place&) = default;
};

/// "gracedb.gstlal-0-42"
std::string name_of(const Place& place);

/// Who sets aside.
struct Reporter {
  std::string group;    ///< the supervisors' group
  std::string process;  ///< "host-1234"
};

/// The message's own headers, and behind them the reason.
kafka::Headers dead_letter_headers(const kafka::Message& message, const Rejection& rejection,
                                   const Reporter& reporter);

/// What the headers of a dead letter say.
struct LetterOrigin {
  Place place;
  std::string reason;       ///< "schema", "refused", …
  std::string detail;       ///< for a person
  kafka::Headers original;  ///< the message's own headers
};

/// None: the message was not set aside by a supervisor, nor by Kafka Connect with headers.
std::optional<LetterOrigin> origin_of(const kafka::Headers& headers);

}  // namespace gracedb::supervisor
