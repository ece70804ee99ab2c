#include "core/json.hpp"
#include "sandbox/event_parser.hpp"
#include "sandbox/json_tools.hpp"
#include "sandbox/ligolw.hpp"
#include "sandbox/numbers.hpp"

#include <nlohmann/json.hpp>

#include <span>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

// One name a line would hide the lists in their length.
// clang-format off
constexpr const char* coinc_inspiral_texts[] = {"ifos"};

constexpr const char* coinc_inspiral_integers[] = {"end_time", "end_time_ns"};

constexpr const char* coinc_inspiral_reals[] = {
    "mass", "mchirp", "minimum_duration", "snr", "false_alarm_rate", "combined_far"};

constexpr const char* single_inspiral_texts[] = {
    "ifo", "search", "channel"};

constexpr const char* single_inspiral_integers[] = {
    "end_time", "end_time_ns", "impulse_time", "impulse_time_ns", "chisq_dof", "bank_chisq_dof",
    "cont_chisq_dof"};

constexpr const char* single_inspiral_reals[] = {
    "end_time_gmst", "template_duration", "event_duration", "amplitude", "eff_distance", "coa_phase", "mass1",
    "mass2", "mchirp", "mtotal", "eta", "kappa", "chi", "tau0", "tau2", "tau3", "tau4", "tau5", "ttotal",
    "psi0", "psi3", "alpha", "alpha1", "alpha2", "alpha3", "alpha4", "alpha5", "alpha6", "beta", "f_final",
    "snr", "chisq", "bank_chisq", "cont_chisq", "sigmasq", "rsqveto_duration", "Gamma0", "Gamma1", "Gamma2",
    "Gamma3", "Gamma4", "Gamma5", "Gamma6", "Gamma7", "Gamma8", "Gamma9", "spin1x", "spin1y", "spin1z",
    "spin2x", "spin2y", "spin2z"};

constexpr const char* injection_texts[] = {"waveform"};

constexpr const char* injection_integers[] = {"geocent_end_time", "geocent_end_time_ns"};

constexpr const char* injection_reals[] = {
    "mass1", "mass2", "eta", "mchirp", "amp_order", "coa_phase", "spin1x", "spin1y", "spin1z", "spin2x",
    "spin2y", "spin2z", "end_time_gmst", "f_lower", "f_final", "distance", "latitude", "longitude",
    "polarization", "inclination", "theta0", "phi0"};
// clang-format on

using Columns = std::span<const char* const>;

void add_texts(json& attributes, const LigolwTable& table, std::size_t row, Columns columns) {
  for (const char* column : columns)
    attributes[column] = or_null(table.text(row, column));
}

void add_integers(json& attributes, const LigolwTable& table, std::size_t row, Columns columns) {
  for (const char* column : columns)
    attributes[column] = or_null(to_integer(table.number(row, column)));
}

void add_reals(json& attributes, const LigolwTable& table, std::size_t row, Columns columns) {
  for (const char* column : columns)
    attributes[column] = or_null(table.number(row, column));
}

json coinc_attributes(const LigolwTable& coinc) {
  json attributes = json::object();
  add_texts(attributes, coinc, 0, coinc_inspiral_texts);
  add_integers(attributes, coinc, 0, coinc_inspiral_integers);
  add_reals(attributes, coinc, 0, coinc_inspiral_reals);
  return attributes;
}

json single_attributes(const LigolwTable& singles) {
  json rows = json::array();
  for (std::size_t row = 0; row < singles.rows(); ++row) {
    json attributes = json::object();
    add_texts(attributes, singles, row, single_inspiral_texts);
    add_integers(attributes, singles, row, single_inspiral_integers);
    add_reals(attributes, singles, row, single_inspiral_reals);
    rows.push_back(std::move(attributes));
  }
  return rows;
}

std::optional<double> gps_time_at(const LigolwTable& table, const char* seconds, const char* nanoseconds) {
  const auto whole = table.number(0, seconds);
  if (!whole) return {};
  return *whole + table.number(0, nanoseconds).value_or(0) * 1e-9;
}

}  // namespace

EventFacts parse_coinc_file(std::string_view contents) {
  const LigolwDocument document(contents, {"coinc_inspiral", "coinc_event", "sngl_inspiral"});
  const LigolwTable* coinc = document.table("coinc_inspiral");
  if (coinc == nullptr || coinc->rows() == 0) throw UnreadableEventFile("no row in a coinc_inspiral table");
  EventFacts facts;
  facts.gpstime = gps_time_at(*coinc, "end_time", "end_time_ns");
  if (!facts.gpstime) throw UnreadableEventFile("no end_time in the coinc_inspiral table");
  facts.far = coinc->number(0, "combined_far");
  facts.instruments = coinc->text(0, "ifos");
  json attributes = json::object();
  attributes["CoincInspiral"] = coinc_attributes(*coinc);
  if (const LigolwTable* event = document.table("coinc_event")) {
    facts.nevents = to_integer(event->number(0, "nevents"));
    facts.likelihood = event->number(0, "likelihood");
  }
  if (const LigolwTable* singles = document.table("sngl_inspiral")) {
    attributes["SingleInspiral"] = single_attributes(*singles);
  }
  facts.extra_attributes = dump_json(attributes);
  return facts;
}

EventFacts parse_injection_file(std::string_view contents) {
  if (contents.substr(0, contents.find_first_not_of(" \t\r\n") + 1).ends_with('{')) {
    return parse_json_file("HardwareInjection", contents);
  }
  const LigolwDocument document(contents, {"sim_inspiral"});
  const LigolwTable* injection = document.table("sim_inspiral");
  if (injection == nullptr || injection->rows() == 0)
    throw UnreadableEventFile("no row in a sim_inspiral table");
  EventFacts facts;
  facts.gpstime = gps_time_at(*injection, "geocent_end_time", "geocent_end_time_ns");
  json attributes = json::object();
  add_reals(attributes, *injection, 0, injection_reals);
  add_texts(attributes, *injection, 0, injection_texts);
  add_integers(attributes, *injection, 0, injection_integers);
  facts.extra_attributes = dump_json({{"SimInspiral", std::move(attributes)}});
  return facts;
}

}  // namespace gracedb::sandbox
