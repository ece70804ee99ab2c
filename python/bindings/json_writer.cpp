#include "bindings/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

namespace gracedb::python {
namespace {

constexpr int deepest = 64;

/// Writes what json.dumps() would write for objects of exactly the built-in types. It gives up (returns
/// false) at anything else, and at what json.dumps() refuses: that is then told in Python's own words.
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

/// True if none of these 8 bytes needs an escape: no byte's highest bit is set by what is below 0x20, equal
/// to a quote or a backslash, or above 0x7E.
bool need_no_escape(std::uint64_t bytes) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::uint64_t found = (bytes - each * 0x20) | ((bytes ^ each * '"') - each) |
                              ((bytes ^ each * '\\') - each) | (bytes + each) | bytes;
  return (found & each * 0x80) == 0;
}

/// How many bytes at the beginning of `text` need no escape.
std::size_t length_without_escape(std::string_view text) {
  std::size_t length = 0;
  for (std::uint64_t bytes = 0; length + sizeof bytes <= text.size(); length += sizeof bytes) {
    std::memcpy(&bytes, text.data() + length, sizeof bytes);
    if (!need_no_escape(bytes)) break;
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
  if (depth_ == deepest) return false;
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
  char before = '{';
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    if (Py_TYPE(key) != &PyUnicode_Type) return false;
    out_ += before;
    if (before == ',') out_ += ' ';
    before = ',';
    if (!write_string(key)) return false;
    out_ += ": ";
    if (!write(value)) return false;
  }
  out_ += before == '{' ? "{}" : "}";
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

/// Writes the first code point of `text` as an escape; returns how many bytes it has.
std::size_t JsonWriter::write_code_point(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    constexpr std::string_view special = "\"\\\n\r\t\f\b";
    constexpr std::string_view letters = "\"\\nrtfb";
    const auto found = special.find(text[0]);
    if (found == std::string_view::npos) return write_unit(first), 1;
    out_ += '\\';
    out_ += letters[found];
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

}  // namespace

std::string to_json(nb::handle value) {
  std::string out;
  out.reserve(1024);
  if (JsonWriter(out).write(value.ptr())) return out;
  const nb::object text = nb::module_::import_("json").attr("dumps")(value);
  return nb::cast<std::string>(text);
}

}  // namespace gracedb::python
