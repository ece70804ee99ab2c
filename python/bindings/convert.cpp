#include "bindings/convert.hpp"

#include <nanobind/stl/string.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace gracedb::python {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// ---- Python objects

std::optional<std::string_view> view_of_str(nb::handle value) {
  if (PyUnicode_Check(value.ptr()) == 0) return std::nullopt;
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) throw nb::python_error();
  return std::string_view(text, static_cast<std::size_t>(size));
}

std::optional<std::string_view> view_of_bytes(nb::handle value) {
  if (PyBytes_Check(value.ptr()) == 0) return std::nullopt;
  return std::string_view(PyBytes_AsString(value.ptr()), static_cast<std::size_t>(PyBytes_Size(value.ptr())));
}

std::string name_of_type(nb::handle value) { return nb::cast<std::string>(value.type().attr("__name__")); }

[[noreturn]] void throw_wrong_type(const char* what, const char* expected, nb::handle value) {
  throw nb::type_error((std::string(what) + " must be " + expected + ", not " + name_of_type(value)).c_str());
}

std::pair<std::string, std::string> header_from(nb::handle name, nb::handle value) {
  return {text_or_bytes(name, "a header's name"),
          value.is_none() ? std::string() : text_or_bytes(value, "a header's value")};
}

// ---- writing JSON

/// Deeper values are left to json.dumps(), which checks for recursion.
constexpr int max_depth = 64;

/// Writes objects of exactly the built-in types as json.dumps() does. Its methods return false for any other
/// object, and for what json.dumps() rejects, so that the error is Python's own.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  bool write(PyObject* value);

 private:
  bool write_dict(PyObject* dict);
  bool write_sequence(PyObject* sequence, Py_ssize_t size, PyObject* (*item)(PyObject*, Py_ssize_t));
  bool write_string(PyObject* string);
  bool write_integer(PyObject* integer);
  bool write_float(PyObject* number);
  void write_escaped(std::string_view text);
  std::size_t write_code_point(std::string_view text);
  void write_unit(unsigned unit);

  std::string& out_;
  int depth_ = 0;
};

bool needs_no_escape(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

/// True if none of these 8 bytes needs an escape. Each term sets the highest bit of a byte that is below
/// 0x20, a quote, a backslash, or above 0x7E.
bool all_need_no_escape(std::uint64_t bytes) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::uint64_t found = (bytes - each * 0x20) | ((bytes ^ each * '"') - each) |
                              ((bytes ^ each * '\\') - each) | (bytes + each) | bytes;
  return (found & each * 0x80) == 0;
}

/// The number of bytes before the first one that needs an escape.
std::size_t length_without_escape(std::string_view text) {
  std::size_t length = 0;
  for (std::uint64_t bytes = 0; length + sizeof bytes <= text.size(); length += sizeof bytes) {
    std::memcpy(&bytes, text.data() + length, sizeof bytes);
    if (!all_need_no_escape(bytes)) break;
  }
  while (length < text.size() && needs_no_escape(static_cast<unsigned char>(text[length])))
    ++length;
  return length;
}

bool JsonWriter::write(PyObject* value) {
  if (value == Py_None) return out_ += "null", true;
  if (value == Py_True) return out_ += "true", true;
  if (value == Py_False) return out_ += "false", true;
  const PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) return write_string(value);
  if (type == &PyFloat_Type) return write_float(value);
  if (type == &PyLong_Type) return write_integer(value);
  if (depth_ == max_depth) return false;
  ++depth_;
  bool done = false;
  if (type == &PyDict_Type) {
    done = write_dict(value);
  } else if (type == &PyList_Type) {
    done = write_sequence(value, PyList_Size(value), &PyList_GetItem);
  } else if (type == &PyTuple_Type) {
    done = write_sequence(value, PyTuple_Size(value), &PyTuple_GetItem);
  }
  --depth_;
  return done;
}

bool JsonWriter::write_dict(PyObject* dict) {
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  char separator = '{';
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    if (Py_TYPE(key) != &PyUnicode_Type) return false;
    out_ += separator;
    if (separator == ',') out_ += ' ';
    separator = ',';
    if (!write_string(key)) return false;
    out_ += ": ";
    if (!write(value)) return false;
  }
  out_ += separator == '{' ? "{}" : "}";
  return true;
}

bool JsonWriter::write_sequence(PyObject* sequence, Py_ssize_t size,
                                PyObject* (*item)(PyObject*, Py_ssize_t)) {
  out_ += '[';
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (i > 0) out_ += ", ";
    if (!write(item(sequence, i))) return false;
  }
  out_ += ']';
  return true;
}

bool JsonWriter::write_string(PyObject* string) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(string, &size);
  if (text == nullptr) return PyErr_Clear(), false;  // lone surrogates
  out_ += '"';
  write_escaped({text, static_cast<std::size_t>(size)});
  out_ += '"';
  return true;
}

void JsonWriter::write_escaped(std::string_view text) {
  while (!text.empty()) {
    const std::size_t plain = length_without_escape(text);
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(write_code_point(text));
  }
}

/// Writes the first code point of `text` as an escape. @return its length in bytes
std::size_t JsonWriter::write_code_point(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    constexpr std::string_view special = "\"\\\n\r\t\f\b";
    constexpr std::string_view escapes = "\"\\nrtfb";
    const auto found = special.find(text[0]);
    if (found == std::string_view::npos) return write_unit(first), 1;
    out_ += '\\';
    out_ += escapes[found];
    return 1;
  }
  if (first < 0xE0) return write_unit((first & 0x1FU) << 6U | (byte(1) & 0x3FU)), 2;
  if (first < 0xF0) {
    return write_unit((first & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU)), 3;
  }
  const unsigned above =
      ((first & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U | (byte(3) & 0x3FU)) -
      0x10000U;
  write_unit(0xD800U | above >> 10U);
  write_unit(0xDC00U | (above & 0x3FFU));
  return 4;
}

void JsonWriter::write_unit(unsigned unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out_ += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U})
    out_ += digits[unit >> shift & 0xFU];
}

bool JsonWriter::write_integer(PyObject* integer) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(integer, &overflow);
  if (overflow != 0) return false;
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out_.append(digits.data(), end);
  return true;
}

bool JsonWriter::write_float(PyObject* number) {
  const double value = PyFloat_AsDouble(number);
  if (std::isnan(value)) return out_ += "NaN", true;
  if (std::isinf(value)) return out_ += value > 0 ? "Infinity" : "-Infinity", true;
  const std::unique_ptr<char, decltype(&PyMem_Free)> text(
      PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr), &PyMem_Free);
  if (!text) throw nb::python_error();
  out_ += text.get();
  return true;
}

// ---- reading JSON

constexpr std::size_t max_cached_key = 48;

nb::object steal_checked(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

nb::object to_str(std::string_view text) {
  return steal_checked(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

std::size_t cache_slot(std::string_view text, std::size_t slots) {
  std::size_t hash = 0xCBF29CE484222325U;  // FNV-1a
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return (hash >> 32U) % slots;
}

}  // namespace

std::string text_or_bytes(nb::handle value, const char* what) {
  if (const auto text = view_of_str(value)) return std::string(*text);
  if (const auto bytes = view_of_bytes(value)) return std::string(*bytes);
  throw_wrong_type(what, "str or bytes", value);
}

std::string message_value(nb::handle value) {
  if (PyDict_Check(value.ptr()) != 0) return to_json(value);
  if (const auto bytes = view_of_bytes(value)) return std::string(*bytes);
  if (const auto text = view_of_str(value)) return std::string(*text);
  throw_wrong_type("value", "dict, str or bytes", value);
}

kafka::Headers headers_from(nb::handle headers) {
  kafka::Headers result;
  if (headers.is_none()) return result;
  if (PyDict_Check(headers.ptr()) != 0) {
    for (const auto& [name, value] : nb::borrow<nb::dict>(headers))
      result.push_back(header_from(name, value));
    return result;
  }
  if (view_of_str(headers) || view_of_bytes(headers))
    throw_wrong_type("headers", "a dict or a list of pairs", headers);
  for (const nb::handle pair : nb::borrow<nb::iterable>(headers)) {
    if (nb::len(nb::borrow<nb::object>(pair)) != 2)
      throw_wrong_type("headers", "a dict or a list of pairs", headers);
    const nb::object name = pair[0];
    const nb::object value = pair[1];
    result.push_back(header_from(name, value));
  }
  return result;
}

nb::object str_or_bytes(std::string_view bytes) {
  PyObject* text = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr);
  if (text != nullptr) return nb::steal(text);
  PyErr_Clear();
  return nb::bytes(bytes.data(), bytes.size());
}

std::map<std::string, std::string> kafka_properties(const nb::dict& config) {
  std::map<std::string, std::string> properties;
  for (const auto& [key, value] : config) {
    const auto name = text_or_bytes(key, "the name of a kafka_config property");
    if (PyBool_Check(value.ptr()) != 0) {
      properties[name] = value.ptr() == Py_True ? "true" : "false";
    } else if (PyUnicode_Check(value.ptr()) != 0 || PyLong_Check(value.ptr()) != 0 ||
               PyFloat_Check(value.ptr()) != 0) {
      properties[name] = nb::cast<std::string>(nb::str(value));
    } else {
      throw_wrong_type(("kafka_config '" + name + "'").c_str(), "str, int, float or bool", value);
    }
  }
  return properties;
}

std::optional<std::string> optional_text(nb::handle value, const char* what) {
  if (value.is_none()) return std::nullopt;
  if (const auto text = view_of_str(value)) return std::string(*text);
  throw_wrong_type(what, "str or None", value);
}

std::string to_json(nb::handle value) {
  std::string out;
  out.reserve(1024);
  if (JsonWriter(out).write(value.ptr())) return out;
  const nb::object text = nb::module_::import_("json").attr("dumps")(value);
  return nb::cast<std::string>(text);
}

std::optional<nb::object> JsonReader::read(std::string_view text) {
  if (busy_) return JsonReader().read(text);
  simdjson::dom::element root;
  if (parser_.parse(text.data(), text.size()).get(root) == simdjson::SUCCESS) {
    busy_ = true;
    const std::unique_ptr<bool, void (*)(bool*)> done(&busy_, [](bool* busy) { *busy = false; });
    return build(root);
  }
  // Python accepts more: NaN, integers of any size, lone surrogates. Its UnicodeDecodeError is a ValueError.
  try {
    return nb::module_::import_("json").attr("loads")(to_str(text));
  } catch (nb::python_error& error) {
    if (error.matches(PyExc_ValueError) || error.matches(PyExc_RecursionError)) return std::nullopt;
    throw;
  }
}

nb::object JsonReader::build(const element& value) {
  switch (value.type()) {
    case element_type::STRING:
      return to_str(value.get_string().value_unsafe());
    case element_type::INT64:
      return steal_checked(PyLong_FromLongLong(value.get_int64().value_unsafe()));
    case element_type::UINT64:
      return steal_checked(PyLong_FromUnsignedLongLong(value.get_uint64().value_unsafe()));
    case element_type::DOUBLE:
      return steal_checked(PyFloat_FromDouble(value.get_double().value_unsafe()));
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
  nb::object list = steal_checked(PyList_New(0));
  for (const element item : array) {
    const nb::object value = build(item);
    if (PyList_Append(list.ptr(), value.ptr()) != 0) throw nb::python_error();
  }
  return list;
}

nb::object JsonReader::build(const simdjson::dom::object& object) {
  nb::object dict = steal_checked(PyDict_New());
  for (const auto& [name, item] : object) {
    const nb::object value = build(item);
    if (PyDict_SetItem(dict.ptr(), key(name).ptr(), value.ptr()) != 0) throw nb::python_error();
  }
  return dict;
}

nb::object JsonReader::key(std::string_view text) {
  if (text.size() > max_cached_key) return to_str(text);
  CachedKey& cached = keys_[cache_slot(text, cached_keys)];
  if (!cached.string.is_valid() || cached.text != text) {
    cached.string = to_str(text);
    cached.text = text;
  }
  return cached.string;
}

}  // namespace gracedb::python
