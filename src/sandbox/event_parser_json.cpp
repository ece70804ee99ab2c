#include "sandbox/event_parser.hpp"
#include "sandbox/json_tools.hpp"
#include "sandbox/numbers.hpp"

#include <nlohmann/json.hpp>

#include <map>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

json parse_object(std::string_view contents) {
  json document = json::parse(contents, nullptr, false);
  if (!document.is_object()) throw UnreadableEventFile("not a JSON object");
  return document;
}

/// A number, also where it is written as a string.
std::optional<double> number_at(const json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end()) return {};
  if (found->is_number()) return found->get<double>();
  if (!found->is_string()) return {};
  const json quoted = json::parse(found->get_ref<const std::string&>(), nullptr, false);
  if (!quoted.is_number()) return {};
  return quoted.get<double>();
}

std::optional<double> first_number(const json& document, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const auto number = number_at(document, key)) return number;
  }
  return {};
}

/// "H1,L1" from a string or a list.
std::optional<std::string> instruments_of(const json& document) {
  for (const char* key : {"ifos", "instruments", "detectors"}) {
    const auto found = document.find(key);
    if (found == document.end()) continue;
    if (found->is_string()) return found->get<std::string>();
    if (!found->is_array()) continue;
    std::string joined;
    for (const json& name : *found) {
      if (name.is_string()) joined += (joined.empty() ? "" : ",") + name.get<std::string>();
    }
    return joined;
  }
  return {};
}

/// Under which name GraceDB shows what is particular to the pipeline.
std::string attributes_name(std::string_view pipeline) {
  static const std::map<std::string_view, std::string> names = {{"oLIB", "LalInferenceBurst"},
                                                                {"HardwareInjection", "SimInspiral"}};
  const auto found = names.find(pipeline);
  return found == names.end() ? "MLyBurst" : found->second;
}

}  // namespace

EventFacts parse_json_file(std::string_view pipeline, std::string_view contents) {
  json document = parse_object(contents);
  EventFacts facts;
  facts.gpstime = first_number(document, {"gpstime", "gps_time", "time"});
  if (!facts.gpstime) throw UnreadableEventFile("no gpstime in the JSON file");
  facts.far = first_number(document, {"far", "FAR"});
  facts.instruments = instruments_of(document);
  facts.likelihood = number_at(document, "likelihood");
  facts.nevents = to_integer(number_at(document, "nevents"));
  for (const char* common : {"gpstime", "gps_time", "far", "FAR", "nevents", "likelihood"})
    document.erase(common);
  facts.extra_attributes = dump_json({{attributes_name(pipeline), std::move(document)}});
  return facts;
}

}  // namespace gracedb::sandbox
