#pragma once

#include "supervisor/decision.hpp"
#include "supervisor/in_flight.hpp"
#include "supervisor/verdict.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace gracedb::supervisor {

/// An event to be completed in GraceDB.
struct UploadOrder {
  MessageId id = 0;
  Upload upload;
  std::string topic;  ///< told to GraceDB
};

/// What has become of it: done, duplicate or refused.
struct UploadResult {
  MessageId id = 0;
  Verdict verdict = Verdict::done;
  std::string reason = {};  ///< of a refusal; of a success: GraceDB's warnings
  int attempts = 1;
};

/// Uploads events, several at a time, each until GraceDB has answered for good. The calls return at once; the
/// results go to a ResultQueue.
class Uploader {
 public:
  Uploader() = default;
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;
  virtual ~Uploader() = default;

  virtual void submit(UploadOrder order) = 0;
  /// No result is wanted any more; one that is on its way may still come.
  virtual void abandon(std::vector<MessageId> ids) = 0;
};

}  // namespace gracedb::supervisor
