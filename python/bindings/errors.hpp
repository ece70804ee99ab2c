#pragma once

#include "gracedb/errors.hpp"

#include <nanobind/nanobind.h>

/// The library's exceptions as those of gracedb_kafka. What an exception is in Python is decided there, in
/// gracedb_kafka._failures.
namespace gracedb::python {

void bind_errors(nanobind::module_& module);

/// The Python exception for an undelivered message, not raised. Called with the GIL.
nanobind::object to_python(const KafkaMessageDeliveryError& error);

}  // namespace gracedb::python
