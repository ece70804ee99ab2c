#include "sandbox/catalog.hpp"

#include <algorithm>

namespace gracedb::sandbox {
namespace {

using std::string_view;

// One name a line would hide the lists in their length.
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

}  // namespace

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

}  // namespace gracedb::sandbox
