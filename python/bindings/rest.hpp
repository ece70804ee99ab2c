#pragma once

#include <nanobind/nanobind.h>

namespace gracedb::python {

void bind_rest(nanobind::module_& module);

}  // namespace gracedb::python
