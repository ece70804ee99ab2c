#pragma once

#include "gracedb/kafka/message.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// A message that was written as a dead letter.
struct DeadLetter {
  /// The origin, "gracedb.gstlal-0-42". ".2" follows for a second message of that origin: its topic was
  /// recreated.
  std::string id;
  /// As it was read, with topic, partition and offset of the origin.
  kafka::Message message;
  /// "schema", "refused", …
  std::string reason;
  std::string detail;
  /// "2026-11-22 03:04:05 UTC"; empty if unknown.
  std::string set_aside_at = {};
};

/// Equal for all copies of a dead letter, in any store: origin and value. Different messages can
/// have one origin if its topic was recreated.
std::string identity_of(const kafka::Message& message);

/// Reads and removes dead letters, for an operator.
class DeadLetterStore {
 public:
  DeadLetterStore() = default;
  DeadLetterStore(const DeadLetterStore&) = default;
  DeadLetterStore& operator=(const DeadLetterStore&) = default;
  DeadLetterStore(DeadLetterStore&&) = default;
  DeadLetterStore& operator=(DeadLetterStore&&) = default;
  virtual ~DeadLetterStore() = default;

  /// "spool", "topic"
  virtual std::string_view kind() const noexcept = 0;
  /// Calls `show` for each entry; `show` may remove it.
  virtual void read(const std::function<void(const DeadLetter&)>& show) = 0;
  /// Removes every copy of this entry; after read(). Returns when that is durable. Does nothing without a
  /// copy.
  virtual void remove(const DeadLetter& letter) = 0;
};

}  // namespace gracedb::supervisor
