#include "bindings/json.hpp"

#include <memory>

namespace gracedb::python {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t longest_known_key = 48;

nb::object owned(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

nb::object to_str(std::string_view text) {
  return owned(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

std::size_t slot_of(std::string_view text, std::size_t slots) {
  std::size_t hash = 0xCBF29CE484222325U;  // FNV-1a
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return (hash >> 32U) % slots;
}

}  // namespace

std::optional<nb::object> JsonReader::read(std::string_view text) {
  if (busy_) return JsonReader().read(text);
  simdjson::dom::element root;
  if (parser_.parse(text.data(), text.size()).get(root) == simdjson::SUCCESS) {
    busy_ = true;
    const std::unique_ptr<bool, void (*)(bool*)> done(&busy_, [](bool* busy) { *busy = false; });
    return build(root);
  }
  // Python reads more than that: NaN, integers of any size, lone surrogates. Its UnicodeDecodeError is a
  // ValueError too.
  try {
    return nb::module_::import_("json").attr("loads")(to_str(text));
  } catch (nb::python_error& failure) {
    if (failure.matches(PyExc_ValueError) || failure.matches(PyExc_RecursionError)) return std::nullopt;
    throw;
  }
}

nb::object JsonReader::build(const element& value) {
  switch (value.type()) {
    case element_type::STRING:
      return to_str(value.get_string().value_unsafe());
    case element_type::INT64:
      return owned(PyLong_FromLongLong(value.get_int64().value_unsafe()));
    case element_type::UINT64:
      return owned(PyLong_FromUnsignedLongLong(value.get_uint64().value_unsafe()));
    case element_type::DOUBLE:
      return owned(PyFloat_FromDouble(value.get_double().value_unsafe()));
    case element_type::BOOL:
      return nb::bool_(value.get_bool().value_unsafe());
    case element_type::ARRAY:
      return build(value.get_array().value_unsafe());
    case element_type::OBJECT:
      return build(value.get_object().value_unsafe());
    default:
      return nb::none();
  }
}

nb::object JsonReader::build(const simdjson::dom::array& array) {
  nb::object list = owned(PyList_New(0));
  for (const element item : array) {
    const nb::object value = build(item);
    if (PyList_Append(list.ptr(), value.ptr()) != 0) throw nb::python_error();
  }
  return list;
}

nb::object JsonReader::build(const simdjson::dom::object& object) {
  nb::object dict = owned(PyDict_New());
  for (const auto& [name, item] : object) {
    const nb::object value = build(item);
    if (PyDict_SetItem(dict.ptr(), key(name).ptr(), value.ptr()) != 0) throw nb::python_error();
  }
  return dict;
}

nb::object JsonReader::key(std::string_view text) {
  if (text.size() > longest_known_key) return to_str(text);
  KnownKey& known = keys_[slot_of(text, known_keys)];
  if (!known.string.is_valid() || known.text != text) {
    known.string = to_str(text);
    known.text = text;
  }
  return known.string;
}

}  // namespace gracedb::python
