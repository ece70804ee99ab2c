#pragma once

#include "gracedb/kafka/message.hpp"

#include <nanobind/nanobind.h>
#include <simdjson.h>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Arguments and results as Python objects, and JSON. Call everything here with the GIL.
namespace gracedb::python {

namespace nb = nanobind;

/// A str as UTF-8, or bytes unchanged. `what` names the argument in the error.
/// @throws nb::python_error  TypeError
std::string text_or_bytes(nb::handle value, const char* what);

/// A str as UTF-8; None is nothing.
/// @throws nb::python_error  TypeError
std::optional<std::string> optional_text(nb::handle value, const char* what);

/// A str if the bytes are UTF-8, else bytes.
nb::object str_or_bytes(std::string_view bytes);

/// A message value: a dict as JSON, a str as UTF-8, bytes unchanged.
/// @throws nb::python_error  TypeError; TypeError or ValueError for a dict that JSON cannot express
std::string message_value(nb::handle value);

/// Headers from a dict or a sequence of pairs; None is an empty list.
/// @throws nb::python_error  TypeError
kafka::Headers headers_from(nb::handle headers);

/// librdkafka properties from keyword arguments: bool, int, float or str.
/// @throws nb::python_error  TypeError
std::map<std::string, std::string> kafka_properties(const nb::dict& config);

/// The same bytes as `json.dumps(value).encode()`. Unusual values are left to json.dumps() itself.
/// @throws nb::python_error  as json.dumps(): TypeError, ValueError
std::string to_json(nb::handle value);

/// Reads JSON into dicts, lists, strings and numbers. Caches the strings of repeated keys.
class JsonReader {
 public:
  JsonReader() = default;
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// The result of `json.loads(text)`; nothing if that raises ValueError.
  std::optional<nb::object> read(std::string_view text);

 private:
  struct CachedKey {
    std::string text;
    nb::object string;
  };
  static constexpr std::size_t cached_keys = 256;

  nb::object build(const simdjson::dom::element& element);
  nb::object build(const simdjson::dom::array& array);
  nb::object build(const simdjson::dom::object& object);
  nb::object key(std::string_view text);

  simdjson::dom::parser parser_;
  /// True during a read: creating an object may run the garbage collector, and so any Python code.
  bool busy_ = false;
  std::array<CachedKey, cached_keys> keys_{};
};

}  // namespace gracedb::python
