#include "bindings/convert.hpp"

#include "bindings/json.hpp"

#include <nanobind/stl/string.h>

namespace gracedb::python {
namespace {

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

[[noreturn]] void wrong_type(const char* what, const char* wanted, nb::handle value) {
  throw nb::type_error((std::string(what) + " must be " + wanted + ", not " + name_of_type(value)).c_str());
}

std::pair<std::string, std::string> header_from(nb::handle name, nb::handle value) {
  return {text_or_bytes(name, "a header's name"),
          value.is_none() ? std::string() : text_or_bytes(value, "a header's value")};
}

}  // namespace

std::string text_or_bytes(nb::handle value, const char* what) {
  if (const auto text = view_of_str(value)) return std::string(*text);
  if (const auto bytes = view_of_bytes(value)) return std::string(*bytes);
  wrong_type(what, "str or bytes", value);
}

std::string message_value(nb::handle value) {
  if (PyDict_Check(value.ptr()) != 0) return to_json(value);
  if (const auto bytes = view_of_bytes(value)) return std::string(*bytes);
  if (const auto text = view_of_str(value)) return std::string(*text);
  wrong_type("value", "dict, str or bytes", value);
}

kafka::Headers headers_from(nb::handle headers) {
  kafka::Headers made;
  if (headers.is_none()) return made;
  if (PyDict_Check(headers.ptr()) != 0) {
    for (const auto& [name, value] : nb::borrow<nb::dict>(headers))
      made.push_back(header_from(name, value));
    return made;
  }
  if (view_of_str(headers) || view_of_bytes(headers))
    wrong_type("headers", "a dict or a list of pairs", headers);
  for (const nb::handle pair : nb::borrow<nb::iterable>(headers)) {
    if (nb::len(nb::borrow<nb::object>(pair)) != 2)
      wrong_type("headers", "a dict or a list of pairs", headers);
    const nb::object name = pair[0];
    const nb::object value = pair[1];
    made.push_back(header_from(name, value));
  }
  return made;
}

nb::object str_or_bytes(std::string_view bytes) {
  PyObject* text = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr);
  if (text != nullptr) return nb::steal(text);
  PyErr_Clear();
  return nb::bytes(bytes.data(), bytes.size());
}

std::map<std::string, std::string> properties_from(const nb::dict& config) {
  std::map<std::string, std::string> properties;
  for (const auto& [key, value] : config) {
    const auto name = text_or_bytes(key, "the name of a kafka_config property");
    if (PyBool_Check(value.ptr()) != 0) {
      properties[name] = value.ptr() == Py_True ? "true" : "false";
    } else if (PyUnicode_Check(value.ptr()) != 0 || PyLong_Check(value.ptr()) != 0 ||
               PyFloat_Check(value.ptr()) != 0) {
      properties[name] = nb::cast<std::string>(nb::str(value));
    } else {
      wrong_type(("kafka_config '" + name + "'").c_str(), "str, int, float or bool", value);
    }
  }
  return properties;
}

std::optional<std::string> optional_text(nb::handle value, const char* what) {
  if (value.is_none()) return std::nullopt;
  if (const auto text = view_of_str(value)) return std::string(*text);
  wrong_type(what, "str or None", value);
}

}  // namespace gracedb::python
