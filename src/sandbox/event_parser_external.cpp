#include "sandbox/event_parser.hpp"
#include "sandbox/gps_time.hpp"
#include "sandbox/json_tools.hpp"

#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include <charconv>
#include <cmath>
#include <iomanip>
#include <sstream>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

/// "2019-03-31T11:02:01.32", a 'Z' at the end or not, as GPS seconds.
std::optional<double> gps_of_iso_time(const std::string& text) {
  std::tm parts{};
  std::istringstream stream(text);
  stream >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  if (stream.fail()) return {};
  double fraction = 0;
  if (stream.peek() == '.') stream >> fraction;
  const auto whole = std::chrono::seconds(timegm(&parts));
  return to_gps(TimePoint(whole)) + fraction;
}

/// A VOEvent's Param elements by name, wherever they stand.
class VoEvent {
 public:
  explicit VoEvent(std::string_view contents) {
    if (!document_.load_buffer(contents.data(), contents.size())) {
      throw UnreadableEventFile("neither a JSON notice nor a VOEvent");
    }
  }
  std::optional<std::string> parameter(const char* name) const {
    const std::string path = std::string("//Param[@name='") + name + "']";
    const pugi::xml_attribute value = document_.select_node(path.c_str()).node().attribute("value");
    if (value.empty()) return {};
    return value.value();
  }
  std::string ivorn() const { return document_.document_element().attribute("ivorn").value(); }
  std::optional<std::string> text(const char* path) const {
    const pugi::xml_node node = document_.select_node(path).node();
    if (node.empty()) return {};
    return node.text().get();
  }

 private:
  pugi::xml_document document_;
};

json number_or_null(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  const json number = json::parse(*text, nullptr, false);
  return number.is_number() ? number : json(nullptr);
}

EventFacts facts_of(const VoEvent& event) {
  EventFacts facts;
  const auto time = event.text("//ISOTime");
  if (time) facts.gpstime = gps_of_iso_time(*time);
  if (!facts.gpstime) throw UnreadableEventFile("no ISOTime in the VOEvent");
  facts.instruments = "";
  const json far = number_or_null(event.parameter("FAR"));
  if (far.is_number()) facts.far = far.get<double>();
  facts.extra_attributes =
      dump_json({{"GRB",
                  {{"ivorn", event.ivorn()},
                   {"trigger_id", or_null(event.parameter("TrigID"))},
                   {"ra", number_or_null(event.text("//C1"))},
                   {"dec", number_or_null(event.text("//C2"))},
                   {"error_radius", number_or_null(event.text("//Error2Radius"))},
                   {"trigger_duration", number_or_null(event.parameter("Trig_Timescale"))}}}});
  return facts;
}

EventFacts facts_of(const json& notice) {
  EventFacts facts;
  if (notice.contains("trigger_time") && notice["trigger_time"].is_string()) {
    facts.gpstime = gps_of_iso_time(notice["trigger_time"].get<std::string>());
  }
  if (!facts.gpstime) throw UnreadableEventFile("no trigger_time in the notice");
  facts.instruments = "";
  if (notice.contains("far") && notice["far"].is_number()) facts.far = notice["far"].get<double>();
  const auto value = [&](const char* key) { return notice.value(key, json(nullptr)); };
  json trigger = value("id");
  if (trigger.is_array() && !trigger.empty()) trigger = json(trigger.front());
  facts.extra_attributes = dump_json({{"GRB",
                                       {{"trigger_id", std::move(trigger)},
                                        {"ra", value("ra")},
                                        {"dec", value("dec")},
                                        {"error_radius", value("ra_dec_error")},
                                        {"trigger_duration", value("rate_duration")}}}});
  return facts;
}

}  // namespace

EventFacts parse_external_file(std::string_view contents) {
  const json notice = json::parse(contents, nullptr, false);
  return notice.is_object() ? facts_of(notice) : facts_of(VoEvent(contents));
}

}  // namespace gracedb::sandbox
