#pragma once

#include "gracedb/kafka/message.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// A message that was set aside.
struct DeadLetter {
  std::string id;          ///< where it was, "gracedb.gstlal-0-42"; ".2" behind the second of one place
  kafka::Message message;  ///< as it came, with the place where it was
  std::string reason;      ///< "schema", "refused", …
  std::string detail;      ///< for a person
  std::string set_aside_at = {};  ///< "2026-11-22 03:04:05 UTC"; empty where it was not noted
};

/// Where messages are set aside, for an operator: looks at them and takes them away.
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
  /// Shows each letter, in the order of their places; `show` may remove it.
  virtual void read(const std::function<void(const DeadLetter&)>& show) = 0;
  /// Returns when it is gone for good.
  virtual void remove(const DeadLetter& letter) = 0;
};

}  // namespace gracedb::supervisor
