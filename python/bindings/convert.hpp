#pragma once

#include "gracedb/kafka/message.hpp"

#include <nanobind/nanobind.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

/// What the methods take and give, as Python objects. Called with the GIL.
namespace gracedb::python {

namespace nb = nanobind;

/// A str as UTF-8, or bytes as they are. `what` names the argument in the error.
/// @throws nb::python_error  TypeError
std::string text_or_bytes(nb::handle value, const char* what);

/// A message value: a dict as JSON, a str as UTF-8, bytes as they are.
/// @throws nb::python_error  TypeError; TypeError or ValueError where a dict cannot be JSON
std::string message_value(nb::handle value);

/// Headers from a dict or a sequence of pairs; None gives none.
/// @throws nb::python_error  TypeError
kafka::Headers headers_from(nb::handle headers);

/// A str where the bytes are UTF-8, else bytes.
nb::object str_or_bytes(std::string_view bytes);

/// The properties of librdkafka from keywords: bool, int, float or str.
/// @throws nb::python_error  TypeError
std::map<std::string, std::string> properties_from(const nb::dict& config);

/// None gives nothing.
std::optional<std::string> optional_text(nb::handle value, const char* what);

}  // namespace gracedb::python
