#pragma once

#include "rest/http.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace gracedb::supervisor {

/// What GraceDB's answer to an upload means for the message it came from.
enum class Verdict {
  done,          ///< complete now
  duplicate,     ///< had been complete before, with the same content
  refused,       ///< will never be taken: set aside
  unauthorized,  ///< our credential is not accepted: look for another and try again
  retry,         ///< for the moment not: try again
};

struct Judgement {
  Verdict verdict = Verdict::retry;
  std::string reason =
      {};  ///< "503 Service Unavailable: under maintenance"; of a success: GraceDB's warnings
  std::optional<std::chrono::milliseconds> retry_after = {};  ///< what GraceDB has asked for
  std::string cause =
      {};  ///< to count it by: the status of a failure ("503"), or why there was no answer ("timeout")
};

/// The one place where an answer, or the lack of one, is judged.
/// @param now  for a Retry-After that is a date
Judgement judge(const rest::Exchange& exchange, std::chrono::system_clock::time_point now);

}  // namespace gracedb::supervisor
