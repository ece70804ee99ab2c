#pragma once

#include <nanobind/nanobind.h>
#include <simdjson.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Between Python objects and JSON, without a detour. Called with the GIL.
namespace gracedb::python {

namespace nb = nanobind;

/// The bytes that `json.dumps(value).encode()` gives; what is unusual is left to that very function.
/// @throws nb::python_error  as json.dumps(): TypeError, ValueError
std::string to_json(nb::handle value);

/// Reads JSON into dicts, lists, strings and numbers. Keeps the strings of keys that come again and again.
class JsonReader {
 public:
  JsonReader() = default;
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// What `json.loads()` gives for `text`; nothing where that raises ValueError.
  std::optional<nb::object> read(std::string_view text);

 private:
  struct KnownKey {
    std::string text;
    nb::object string;
  };
  static constexpr std::size_t known_keys = 256;

  nb::object build(const simdjson::dom::element& element);
  nb::object build(const simdjson::dom::array& array);
  nb::object build(const simdjson::dom::object& object);
  nb::object key(std::string_view text);

  simdjson::dom::parser parser_;
  bool busy_ = false;  ///< making an object may run the garbage collector, and so any Python code
  std::array<KnownKey, known_keys> keys_{};
};

}  // namespace gracedb::python
