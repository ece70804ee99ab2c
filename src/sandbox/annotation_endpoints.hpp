#pragma once

#include "sandbox/event_store.hpp"
#include "sandbox/http.hpp"
#include "sandbox/router.hpp"

/// What is attached to an event: its files, labels, log entries and their tags.
namespace gracedb::sandbox {

void add_file_routes(Router& router, EventStore& store);
void add_label_routes(Router& router, EventStore& store);
void add_log_routes(Router& router, EventStore& store);

/// Answers 410 for what GraceDB has given up: VOEvents and EM observations of events, updates of GRB events.
void add_retired_routes(Router& router);

/// Attaches a label.
/// @return false where the event had it already
/// @throws Refusal  400 for a label that does not exist or cannot be set by hand
bool attach_label(EventStore& store, const Event& event, const std::string& label,
                  const std::string& creator);

}  // namespace gracedb::sandbox
