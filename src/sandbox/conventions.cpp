#include "sandbox/conventions.hpp"

#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;
using std::string_view;

constexpr std::int64_t gps_epoch = 315964800;  // 1980-01-06 00:00:00 UTC in Unix seconds

// Unix time of each leap second since the GPS epoch.
constexpr std::array<std::int64_t, 18> leap_seconds = {
    362793600, 394329600, 425865600, 489024000, 567993600,  631152000,  662688000,  709948800,  741484800,
    773020800, 820454400, 867715200, 915148800, 1136073600, 1230768000, 1341100800, 1435708800, 1483228800};

// One name per line would make the lists too long to read.
// clang-format off
constexpr string_view group_names[] = {
    "CBC", "Stochastic", "Burst", "Coherent", "Test", "External", "Detchar"};

constexpr string_view pipeline_names[] = {
    "MBTAOnline", "CWB2G", "gstlal", "spiir", "HardwareInjection", "X", "Q", "Omega", "Ringdown", "Fermi",
    "Swift", "CWB", "SNEWS", "oLIB", "pycbc", "INTEGRAL", "AGILE", "MBTA", "MLy", "PyGRB", "CHIME", "aframe",
    "SVOM", "IceCube", "GWAK", "SGNL"};

constexpr string_view search_names[] = {
    "AllSky", "LowMass", "HighMass", "GRB", "Supernova", "MDC", "LowMassSim", "AllSkyLong", "O2VirgoTest",
    "BBH", "IMBH", "SubGRB", "EarlyWarning", "SubGRBTargeted", "SSM", "FRB", "LensingSubthreshold",
    "VTInjection", "HEN"};

constexpr string_view label_names[] = {
    "INJ", "DQV", "LUMIN_GO", "LUMIN_NO", "SWIFT_GO", "SWIFT_NO", "EM_READY", "cWB_r", "cWB_s", "PE_READY",
    "H1NO", "H1OK", "H1OPS", "L1NO", "L1OK", "L1OPS", "V1NO", "V1OK", "V1OPS", "ADVREQ", "ADVOK", "ADVNO",
    "EM_Throttled", "EM_Selected", "EM_Superseded", "EM_COINC", "GRB_ONLINE", "GRB_OFFLINE", "EM_SENT",
    "SKYMAP_READY", "EMBRIGHT_READY", "PASTRO_READY", "DQOK", "GCN_PRELIM_SENT", "HWINJREQ", "HWINJOK",
    "HWINJNO", "RAVEN_ALERT", "NOT_GRB", "EXT_SKYMAP_READY", "2022_LENSING_MDC", "DQR_REQUEST",
    "COMBINEDSKYMAP_READY", "SOG_READY", "EM_SelectedConfident", "HIGH_PROFILE", "LLAMA_COMPLETE",
    "SNR_OPTIMIZED", "LOW_SIGNIF_PRELIM_SENT", "SIGNIF_LOCKED", "LOW_SIGNIF_LOCKED", "EARLY_WARNING",
    "LENSED_CANDIDATE", "SUBSOLAR_MASS", "MOCK"};

constexpr string_view protected_label_names[] = {
    "H1OK", "H1NO", "L1OK", "L1NO", "V1OK", "V1NO", "ADVOK", "ADVNO"};
// clang-format on

bool contains(std::span<const string_view> names, string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Graceid> parse_graceid(std::string_view text) {
  if (text.size() < 2 || std::string_view("GTMHDE").find(text.front()) == std::string_view::npos) return {};
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, number);
  if (error != std::errc() || stop != end || number < 0) return {};
  return Graceid{text.front(), number};
}

std::optional<ContentId> parse_content_id(std::string_view text) {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != shape.size()) return {};
  std::string lower;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (shape[i] == '-' ? c != '-' : std::isxdigit(c) == 0) return {};
    lower += static_cast<char>(std::tolower(c));
  }
  return lower;
}

struct PathEntry {
  std::string_view name;
  std::string_view path;
};

constexpr auto link_paths = std::to_array<PathEntry>({{"superevents", "superevents/"},
                                                      {"events", "events/"},
                                                      {"gwtc", "gwtc/"},
                                                      {"self", ""},
                                                      {"performance", "performance/"},
                                                      {"user-info", "user-info/"}});

constexpr auto template_paths = std::to_array<PathEntry>({
    {"event-reserve-template", "events/reserve/"},
    {"event-upload-template", "events/{graceid}/upload/"},
    {"event-detail-template", "events/{graceid}"},
    {"event-log-template", "events/{graceid}/log/"},
    {"event-log-detail-template", "events/{graceid}/log/{N}"},
    {"event-label-template", "events/{graceid}/labels/{label}"},
    {"files-template", "events/{graceid}/files/{filename}"},
    {"taglist-template", "events/{graceid}/log/{N}/tag/"},
    {"tag-template", "events/{graceid}/log/{N}/tag/{tag_name}"},
    {"voevent-list-template", "events/{graceid}/voevent/"},
    {"voevent-detail-template", "events/{graceid}/voevent/{N}"},
    {"emobservation-list-template", "events/{graceid}/emobservation/"},
    {"emobservation-detail-template", "events/{graceid}/emobservation/{N}"},
    {"embb-event-log-template", "events/{graceid}/embb/"},
    {"signoff-list-template", "events/{graceid}/signoff/"},
    {"update-grbevent-template", "events/{graceid}/update-grbevent/"},
    {"gwtc-number-list", "gwtc/{number}/"},
    {"gwtc-version-detail", "gwtc/{number}/{version}/"},
    {"superevent-detail-template", "superevents/{superevent_id}/"},
    {"superevent-event-list-template", "superevents/{superevent_id}/events/"},
    {"superevent-event-detail-template", "superevents/{superevent_id}/events/{graceid}/"},
    {"superevent-label-list-template", "superevents/{superevent_id}/labels/"},
    {"superevent-label-detail-template", "superevents/{superevent_id}/labels/{label_name}/"},
    {"superevent-log-list-template", "superevents/{superevent_id}/logs/"},
    {"superevent-log-detail-template", "superevents/{superevent_id}/logs/{N}/"},
    {"superevent-log-tag-list-template", "superevents/{superevent_id}/logs/{N}/tags/"},
    {"superevent-log-tag-detail-template", "superevents/{superevent_id}/logs/{N}/tags/{tag_name}/"},
    {"superevent-file-list-template", "superevents/{superevent_id}/files/"},
    {"superevent-file-detail-template", "superevents/{superevent_id}/files/{file_name}"},
    {"superevent-voevent-list-template", "superevents/{superevent_id}/voevents/"},
    {"superevent-voevent-detail-template", "superevents/{superevent_id}/voevents/{N}/"},
    {"superevent-notice-list-template", "superevents/{superevent_id}/notices/"},
    {"superevent-notice-detail-template", "superevents/{superevent_id}/notices/{N}/"},
    {"superevent-emobservation-list-template", "superevents/{superevent_id}/emobservations/"},
    {"superevent-emobservation-detail-template", "superevents/{superevent_id}/emobservations/{N}/"},
    {"superevent-confirm-as-gw-template", "superevents/{superevent_id}/confirm-as-gw/"},
    {"superevent-signoff-list-template", "superevents/{superevent_id}/signoffs/"},
    {"superevent-signoff-detail-template", "superevents/{superevent_id}/signoffs/{typeinst}/"},
    {"superevent-permission-list-template", "superevents/{superevent_id}/permissions/"},
    {"superevent-permission-modify-template", "superevents/{superevent_id}/permissions/modify/"},
    {"superevent-pipeline-preferred-event-list-template",
     "superevents/{superevent_id}/pipeline_preferred_events/"},
    {"superevent-pipeline-preferred-event-detail-template",
     "superevents/{superevent_id}/pipeline_preferred_events/{graceid}/"},
});

json urls_of(std::span<const PathEntry> entries, std::string_view api) {
  json urls = json::object();
  for (const PathEntry& entry : entries)
    urls[std::string(entry.name)] = std::string(api) + std::string(entry.path);
  return urls;
}

json vocabulary() {
  return {
      {"wavebands",
       {{"em.gamma", "Gamma rays part of the spectrum"},
        {"em.X-ray", "X-ray part of the spectrum"},
        {"em.UV", "Ultraviolet part of the spectrum"},
        {"em.opt", "Optical part of the spectrum"},
        {"em.IR", "Infrared part of the spectrum"},
        {"em.mm", "Millimetric part of the spectrum"},
        {"em.radio", "Radio part of the spectrum"}}},
      {"eel-statuses", {{"FO", "FOOTPRINT"}, {"SO", "SOURCE"}, {"CO", "COMMENT"}, {"CI", "CIRCULAR"}}},
      {"obs-statuses",
       {{"NA", "NOT APPLICABLE"}, {"OB", "OBSERVATION"}, {"TE", "TEST"}, {"PR", "PREDICTION"}}},
      {"voevent-types",
       {{"PR", "preliminary"},
        {"IN", "initial"},
        {"UP", "update"},
        {"RE", "retraction"},
        {"EW", "earlywarning"}}},
      {"superevent-categories", {{"P", "Production"}, {"T", "Test"}, {"M", "MDC"}}},
      {"signoff-types", {{"OP", "operator"}, {"ADV", "advocate"}}},
      {"signoff-statuses", {{"OK", "OKAY"}, {"NO", "NOT OKAY"}}},
  };
}

}  // namespace

double to_gps(TimePoint utc) {
  const auto since_epoch = utc.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto leaps = std::upper_bound(leap_seconds.begin(), leap_seconds.end(), seconds.count());
  const auto whole = seconds.count() - gps_epoch + (leaps - leap_seconds.begin());
  return static_cast<double>(whole) + std::chrono::duration<double>(since_epoch - seconds).count();
}

std::span<const string_view> groups() { return group_names; }
std::span<const string_view> pipelines() { return pipeline_names; }
std::span<const string_view> searches() { return search_names; }
std::span<const string_view> labels() { return label_names; }

bool is_group(string_view name) { return contains(group_names, name); }
bool is_pipeline(string_view name) { return contains(pipeline_names, name); }
bool is_search(string_view name) { return contains(search_names, name); }
bool is_label(string_view name) { return contains(label_names, name); }
bool is_protected_label(string_view name) { return contains(protected_label_names, name); }

bool is_replay_id(string_view text) {
  constexpr string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !text.empty() && text.size() <= 30 && text.find_first_not_of(allowed) == string_view::npos;
}

char graceid_prefix(std::string_view group, std::string_view pipeline,
                    std::optional<std::string_view> search) {
  if (group == "Test") return 'T';
  if (search == "MDC") return 'M';
  if (pipeline == "HardwareInjection") return 'H';
  if (group == "Detchar") return 'D';
  if (group == "External") return 'E';
  return 'G';
}

std::string format_graceid(char prefix, std::int64_t number) {
  return fmt::format("{}{:04}", prefix, number);
}

std::optional<std::variant<Graceid, ContentId>> parse_event_id(std::string_view text) {
  if (const auto graceid = parse_graceid(text)) return *graceid;
  if (auto content_id = parse_content_id(text)) return *std::move(content_id);
  return {};
}

json api_root(std::string_view api) {
  json root = vocabulary();
  root["links"] = urls_of(link_paths, api);
  root["templates"] = urls_of(template_paths, api);
  root["groups"] = groups();
  root["pipelines"] = pipelines();
  root["searches"] = searches();
  root["labels"] = labels();
  root["api-versions"] = {"default", "v1", "v2"};
  root["API_VERSIONS"] = root["api-versions"];
  root["api-default"] = "v2";
  root["server-version"] = "2.36.0-sandbox";
  return root;
}

}  // namespace gracedb::sandbox
