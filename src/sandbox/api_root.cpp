#include "sandbox/api_root.hpp"

#include "sandbox/catalog.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

struct Place {
  std::string_view name;
  std::string_view path;
};

constexpr auto link_places = std::to_array<Place>({{"superevents", "superevents/"},
                                                   {"events", "events/"},
                                                   {"gwtc", "gwtc/"},
                                                   {"self", ""},
                                                   {"performance", "performance/"},
                                                   {"user-info", "user-info/"}});

constexpr auto template_places = std::to_array<Place>({
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

json addresses(std::span<const Place> places, std::string_view api) {
  json addresses = json::object();
  for (const Place& place : places)
    addresses[std::string(place.name)] = std::string(api) + std::string(place.path);
  return addresses;
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

json api_root(std::string_view api, std::string_view server_version) {
  json root = vocabulary();
  root["links"] = addresses(link_places, api);
  root["templates"] = addresses(template_places, api);
  root["groups"] = groups();
  root["pipelines"] = pipelines();
  root["searches"] = searches();
  root["labels"] = labels();
  root["api-versions"] = {"default", "v1", "v2"};
  root["API_VERSIONS"] = root["api-versions"];
  root["api-default"] = "v2";
  root["server-version"] = server_version;
  return root;
}

}  // namespace gracedb::sandbox
