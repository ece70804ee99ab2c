#pragma once

#include "sandbox/event_store.hpp"
#include "sandbox/http.hpp"

namespace gracedb::sandbox {

/// Takes an alert that the store has kept; must not block.
using PublishAlert = std::function<void(const Alert&)>;

/// Reservation, upload, creation and reading of events.
///
/// What GraceDB's documentation leaves open is decided here:
/// - A reservation is not an event: GET on it answers 404.
/// - Each reservation gives a new graceid, also for content that was reserved before.
/// - An upload whose content is not what its reservation announced answers 409, like one for an event that is
///   complete with other content.
class EventEndpoints {
 public:
  EventEndpoints(EventStore& store, PublishAlert publish, std::string instance_name)
      : store_(store), publish_(std::move(publish)), instance_name_(std::move(instance_name)) {}

  Answer reserve(const Request& request) const;
  Answer upload(const Request& request) const;
  Answer create(const Request& request) const;
  Answer replace(const Request& request) const;
  Answer show(const Request& request) const;
  Answer list(const Request& request) const;

 private:
  EventStore::MakeAlert alert_maker(const Request& request, std::string_view type, bool is_readable) const;
  void publish(const EventStore::Completion& completion) const;

  EventStore& store_;
  PublishAlert publish_;
  std::string instance_name_;
};

/// The complete event that the request's path names.
/// @throws Refusal  404
Event event_of(const Request& request, const EventStore& store);

}  // namespace gracedb::sandbox
