#include "fake_gracedb.hpp"

#include <nlohmann/json.hpp>

namespace gracedb::test_support {

using nlohmann::json;

json root_document(const std::string& service, const std::string& version) {
  const std::string base = version.empty() ? service : service + version + "/";
  const auto of_event = [&](const std::string& rest) { return base + "events/{graceid}" + rest; };
  return {{"links", {{"self", base}, {"events", base + "events/"}, {"user-info", base + "user-info/"}}},
          {"templates",
           {{"event-detail-template", of_event("")},
            {"event-log-template", of_event("/log/")},
            {"event-log-detail-template", of_event("/log/{N}")},
            {"event-label-template", of_event("/labels/{label}")},
            {"files-template", of_event("/files/{filename}")},
            {"event-reserve-template", base + "events/reserve/"},
            {"event-upload-template", of_event("/upload/")}}},
          {"groups", {"CBC", "Burst", "Test"}},
          {"pipelines", {"gstlal", "CWB", "pycbc"}},
          {"searches", {"AllSky", "EarlyWarning"}},
          {"labels", {"INJ", "DQV", "EM_READY"}},
          {"api-versions", {"default", "v1", "v2"}},
          {"server-version", "2.36.0"}};
}

FakeGraceDb::FakeGraceDb(TestServer::Handler handler)
    : handler_(std::move(handler)), server_([this](const TestRequest& request) { return answer(request); }) {}

TestReply FakeGraceDb::answer(const TestRequest& request) const {
  const std::string service = "http://" + request.headers.at("host") + "/api/";
  if (request.path == "/api/") return {.body = root_document(service, "").dump()};
  for (const std::string version : {"v1", "v2"}) {
    if (request.path == "/api/" + version + "/") return {.body = root_document(service, version).dump()};
  }
  return handler_ ? handler_(request) : TestReply{.status = 404, .body = R"("no such page")"};
}

std::vector<TestRequest> FakeGraceDb::requests() const {
  std::vector<TestRequest> found = server_.requests();
  std::erase_if(found, [](const TestRequest& request) {
    return request.path == "/api/" || request.path == "/api/v1/" || request.path == "/api/v2/";
  });
  return found;
}

rest::RetryPolicy quick_retries() {
  return {.tries = 3,
          .backoff = std::chrono::milliseconds(2),
          .longest_wait = std::chrono::milliseconds(5),
          .longest_total = std::chrono::seconds(20)};
}

rest::GraceDbOptions anonymous(const std::string& service_url) {
  return {.service_url = service_url, .force_noauth = true, .retry = quick_retries()};
}

auth::Environment environment_of(std::map<std::string, std::string> variables,
                                 const std::string& temporary_directory) {
  return {.variable = [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
          },
          .now = [] { return std::chrono::system_clock::now(); },
          .user = 1000,
          .temporary_directory = temporary_directory};
}

}  // namespace gracedb::test_support
