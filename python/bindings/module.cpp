#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "bindings/convert.hpp"
#include "bindings/runtime.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <string>

namespace nb = nanobind;
using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix

namespace gracedb::python {
namespace {

void bind_topics(nb::module_& module) {
  module.def("derive_instance_name", [](const std::string& url) { return kafka::derive_instance_name(url); });
  module.def("make_topic_name", [](const std::string& instance, const std::string& pipeline) {
    return kafka::make_topic_name(instance, pipeline);
  });
  module.def("parse_topic_name", [](const std::string& topic) { return kafka::parse_topic_name(topic); });
}

void bind_json(nb::module_& module) {
  module.def(
      "to_json",
      [](nb::handle value) {
        const std::string text = to_json(value);
        return nb::bytes(text.data(), text.size());
      },
      "value"_a.none());
  module.def("from_json", [](const nb::bytes& text) {
    // Never destroyed: static objects outlive the interpreter.
    static JsonReader& reader = *std::make_unique<JsonReader>().release();
    const auto value = reader.read({text.c_str(), text.size()});
    if (!value) throw nb::value_error("not JSON");
    return *value;
  });
}

void bind_all(nb::module_& module) {
  bind_errors();
  bind_logging(module);
  bind_topics(module);
  bind_json(module);
  bind_clients(module);
  bind_producer(module);
  bind_consumer(module);
  bind_rest(module);
}

}  // namespace
}  // namespace gracedb::python

NB_MODULE(_core, module) {
  module.doc() =
      "The C++ core of gracedb_kafka. Use the classes of gracedb_kafka.kafka and gracedb_kafka.rest.";
  // Threads that hang at shutdown keep their objects, so the warning is for developers only.
  nanobind::set_leak_warnings(
      nanobind::cast<bool>(nanobind::module_::import_("sys").attr("flags").attr("dev_mode")));
  gracedb::python::bind_all(module);
}
