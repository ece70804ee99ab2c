#pragma once

#include "sandbox/event.hpp"

namespace gracedb::sandbox {

/// UTC as GPS seconds, leap seconds counted.
double to_gps(TimePoint utc);

}  // namespace gracedb::sandbox
