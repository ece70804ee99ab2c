#pragma once

#include "gracedb/kafka/message.hpp"

#include "supervisor/event_record.hpp"
#include "supervisor/rejection.hpp"
#include "supervisor/window.hpp"

#include <memory>
#include <string>

namespace gracedb::supervisor {

/// A message of the window that is to be set aside.
struct Rejected {
  Window::Id id = 0;
  std::shared_ptr<const kafka::Message> message;
  Rejection rejection;
  EventRecord record;               ///< of it, once it is set aside
  std::string group_metadata = {};  ///< who we were in the group when it was let through the fence
};

}  // namespace gracedb::supervisor
