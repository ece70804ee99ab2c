#include "sandbox/event_parser.hpp"
#include "sandbox/json_tools.hpp"
#include "sandbox/numbers.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

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

/// The "key: values" lines of a trigger file, and the rate of events like this one over the longest time
/// given.
class Trigger {
 public:
  explicit Trigger(std::string_view text) {
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
    // The rate stands in the second column of the line below the comment that names the time.
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

json burst_attributes(const Trigger& trigger, const EventFacts& facts) {
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

}  // namespace

EventFacts parse_cwb_file(std::string_view contents) {
  const Trigger trigger(contents);
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

}  // namespace gracedb::sandbox
