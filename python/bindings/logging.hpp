#pragma once

#include <nanobind/nanobind.h>

/// The library's log lines on their way to the loggers gracedb_kafka.*. They may come from any thread, also
/// from one of librdkafka's that must not wait for the GIL: so they wait in a queue for a Python thread.
namespace gracedb::python {

void bind_logging(nanobind::module_& module);

}  // namespace gracedb::python
