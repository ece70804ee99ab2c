#pragma once

#include "gracedb/kafka/message.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "supervisor/rejection.hpp"
#include "supervisor/service_address.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Decode and decide: what is to be done with a message. Nothing in a message is trusted.
namespace gracedb::supervisor {

/// A ping: a connectivity test, of no concern to GraceDB.
struct Ignore {};

/// Meant for other readers of the topic.
struct Skip {
  std::string reason;  ///< e.g. "skip_supervisor"
};

/// To be uploaded: everything in it has been checked.
struct Upload {
  std::string graceid;
  kafka::ReceivedUpload event;
};

using Decision = std::variant<Ignore, Skip, Rejection, Upload>;

/// What an upload message must fulfil.
struct Rules {
  /// Our own GraceDB, under each of its names; a message for any other is rejected.
  std::vector<ServiceAddress> servers;
  std::size_t largest_message = std::size_t{32} << 20U;  ///< bytes of its value
};

/// True for "T0001", "G123456": one of the letters that GraceDB uses, and digits.
bool is_graceid(std::string_view text);

Decision decide(const kafka::Message& message, const Rules& rules);

}  // namespace gracedb::supervisor
