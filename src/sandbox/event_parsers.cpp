#include "sandbox/event_parsers.hpp"

#include "core/json.hpp"

#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <iomanip>
#include <map>
#include <sstream>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    words.emplace_back(word);
    text.remove_prefix(word.size());
  }
  return words;
}

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return {};
  return value;
}

/// The "key: values" lines of a coherent WaveBurst file, and its rate of events of this significance, over
/// the longest time that the file has.
class CwbTrigger {
 public:
  explicit CwbTrigger(std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      read_line(trimmed(line));
    }
  }

  std::optional<double> number(std::string_view key, std::size_t index = 0) const {
    const auto found = values_.find(key);
    if (found == values_.end() || index >= found->second.size()) return {};
    return to_number(found->second[index]);
  }
  std::vector<std::string> words(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::vector<std::string>() : found->second;
  }
  std::optional<double> rate() const { return week_rate_ ? week_rate_ : day_rate_; }

 private:
  void read_line(std::string_view line) {
    // The rate is in the second column of the line below the comment that names the time.
    if (std::optional<double>* const rate = std::exchange(rate_below_, nullptr)) {
      const auto columns = words_of(line);
      if (columns.size() > 1) *rate = to_number(columns[1]);
      return;
    }
    if (line.starts_with("#significance based on the last week")) rate_below_ = &week_rate_;
    if (line.starts_with("#significance based on the last day")) rate_below_ = &day_rate_;
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos) return;
    auto values = words_of(line.substr(colon + 1));
    if (!values.empty()) values_.try_emplace(std::string(trimmed(line.substr(0, colon))), std::move(values));
  }

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::optional<double> week_rate_;
  std::optional<double> day_rate_;
  std::optional<double>* rate_below_ = nullptr;
};

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

void put_time(json& attributes, const std::string& name, const std::optional<double>& gps) {
  const auto seconds = to_integer(gps);
  attributes[name] = seconds ? json(*seconds) : json(nullptr);
  attributes[name + "_ns"] =
      seconds ? json(std::llround((*gps - static_cast<double>(*seconds)) * 1e9)) : json(nullptr);
}

json burst_attributes(const CwbTrigger& trigger, const EventFacts& facts) {
  json attributes = {{"ifos", facts.instruments.value_or("")},
                     {"duration", or_null(trigger.number("duration"))},
                     {"strain", or_null(trigger.number("strain"))},
                     {"central_freq", or_null(trigger.number("frequency"))},
                     {"bandwidth", or_null(trigger.number("bandwidth"))},
                     {"amplitude", or_null(trigger.number("rho"))},
                     {"mchirp", or_null(trigger.number("mchirp"))},
                     {"snr", nullptr},
                     {"confidence", nullptr},
                     {"false_alarm_rate", nullptr},
                     {"ligo_axis_ra", or_null(trigger.number("phi", 2))},
                     {"ligo_axis_dec", or_null(trigger.number("theta", 2))},
                     {"ligo_angle", nullptr},
                     {"ligo_angle_sig", nullptr},
                     {"single_ifo_times", joined(trigger.words("time"), ",")}};
  if (facts.likelihood && *facts.likelihood >= 0) attributes["snr"] = std::sqrt(*facts.likelihood);
  put_time(attributes, "start_time", trigger.number("start"));
  put_time(attributes, "peak_time", facts.gpstime);
  return attributes;
}

/// The "key: values" text of coherent WaveBurst.
EventFacts parse_cwb_file(std::string_view contents) {
  const CwbTrigger trigger(contents);
  EventFacts facts;
  facts.gpstime = trigger.number("event_time");
  if (!facts.gpstime) facts.gpstime = trigger.number("time");
  if (!facts.gpstime) throw UnreadableEventFile("no event_time and no time in the cWB file");
  facts.far = trigger.number("far");
  if (!facts.far) facts.far = trigger.rate();
  auto instruments = trigger.words("ifo");
  std::sort(instruments.begin(), instruments.end());
  facts.instruments = joined(instruments, ",");
  facts.likelihood = trigger.number("likelihood");
  facts.nevents = to_integer(trigger.number("nevent"));
  facts.extra_attributes = dump_json({{"MultiBurst", burst_attributes(trigger, facts)}});
  return facts;
}

json parse_or_null(std::string_view text) {
  try {
    return parse_json(text);
  } catch (const std::invalid_argument&) {
    return nullptr;
  }
}

/// A number, or a string with a number in it.
std::optional<double> number_at(const json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end()) return {};
  if (found->is_number()) return found->get<double>();
  if (!found->is_string()) return {};
  const json quoted = parse_or_null(found->get_ref<const std::string&>());
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

/// The key of the pipeline-specific attributes in GraceDB.
std::string attributes_name(std::string_view pipeline) {
  static const std::map<std::string_view, std::string> names = {{"oLIB", "LalInferenceBurst"},
                                                                {"HardwareInjection", "SimInspiral"}};
  const auto found = names.find(pipeline);
  return found == names.end() ? "MLyBurst" : found->second;
}

/// A JSON object with gpstime, far, ifos, … (MLy, aframe, GWAK, oLIB).
EventFacts parse_json_file(std::string_view pipeline, std::string_view contents) {
  json document = parse_or_null(contents);
  if (!document.is_object()) throw UnreadableEventFile("not a JSON object");
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

/// A hardware injection: JSON, or LIGO_LW with a sim_inspiral table.
EventFacts parse_injection_file(std::string_view contents) {
  const bool is_json = contents.substr(0, contents.find_first_not_of(" \t\r\n") + 1).ends_with('{');
  return is_json ? parse_json_file("HardwareInjection", contents) : parse_sim_inspiral_file(contents);
}

/// "2019-03-31T11:02:01.32", with or without a final 'Z', as GPS seconds.
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

/// A VOEvent; Param elements are found by name at any depth.
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
  const json number = parse_or_null(*text);
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

/// The alert of an external observatory: a GCN notice in JSON, or a VOEvent.
EventFacts parse_external_file(std::string_view contents) {
  const json notice = parse_or_null(contents);
  return notice.is_object() ? facts_of(notice) : facts_of(VoEvent(contents));
}

enum class Format { coinc, cwb, json_file, injection, external };

const std::map<std::string_view, Format>& formats() {
  static const std::map<std::string_view, Format> formats = {
      {"gstlal", Format::coinc},     {"spiir", Format::coinc},
      {"pycbc", Format::coinc},      {"PyGRB", Format::coinc},
      {"SGNL", Format::coinc},       {"MBTA", Format::coinc},
      {"MBTAOnline", Format::coinc}, {"CWB", Format::cwb},
      {"CWB2G", Format::cwb},        {"MLy", Format::json_file},
      {"aframe", Format::json_file}, {"GWAK", Format::json_file},
      {"oLIB", Format::json_file},   {"HardwareInjection", Format::injection},
      {"Fermi", Format::external},   {"Swift", Format::external},
      {"SNEWS", Format::external},   {"INTEGRAL", Format::external},
      {"AGILE", Format::external},   {"CHIME", Format::external},
      {"SVOM", Format::external},    {"IceCube", Format::external}};
  return formats;
}

}  // namespace

std::optional<std::int64_t> to_integer(std::optional<double> number) {
  constexpr double limit = 9e18;
  if (!number || !(std::abs(*number) < limit)) return {};
  return static_cast<std::int64_t>(*number);
}

EventFacts parse_event_file(std::string_view pipeline, std::string_view contents) {
  const auto found = formats().find(pipeline);
  if (found == formats().end()) return {};
  switch (found->second) {
    case Format::coinc:
      return parse_coinc_file(contents);
    case Format::cwb:
      return parse_cwb_file(contents);
    case Format::json_file:
      return parse_json_file(pipeline, contents);
    case Format::injection:
      return parse_injection_file(contents);
    case Format::external:
      return parse_external_file(contents);
  }
  return {};
}

}  // namespace gracedb::sandbox
