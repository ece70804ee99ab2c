#include "sandbox/event_parser.hpp"

#include <map>

namespace gracedb::sandbox {
namespace {

enum class Format { coinc, cwb, json, injection, external };

const std::map<std::string_view, Format>& formats() {
  static const std::map<std::string_view, Format> formats = {
      {"gstlal", Format::coinc},     {"spiir", Format::coinc},
      {"pycbc", Format::coinc},      {"PyGRB", Format::coinc},
      {"SGNL", Format::coinc},       {"MBTA", Format::coinc},
      {"MBTAOnline", Format::coinc}, {"CWB", Format::cwb},
      {"CWB2G", Format::cwb},        {"MLy", Format::json},
      {"aframe", Format::json},      {"GWAK", Format::json},
      {"oLIB", Format::json},        {"HardwareInjection", Format::injection},
      {"Fermi", Format::external},   {"Swift", Format::external},
      {"SNEWS", Format::external},   {"INTEGRAL", Format::external},
      {"AGILE", Format::external},   {"CHIME", Format::external},
      {"SVOM", Format::external},    {"IceCube", Format::external}};
  return formats;
}

}  // namespace

EventFacts parse_event_file(std::string_view pipeline, std::string_view contents) {
  const auto found = formats().find(pipeline);
  if (found == formats().end()) return {};
  switch (found->second) {
    case Format::coinc:
      return parse_coinc_file(contents);
    case Format::cwb:
      return parse_cwb_file(contents);
    case Format::json:
      return parse_json_file(pipeline, contents);
    case Format::injection:
      return parse_injection_file(contents);
    case Format::external:
      return parse_external_file(contents);
  }
  return {};
}

}  // namespace gracedb::sandbox
