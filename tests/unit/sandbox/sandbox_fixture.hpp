#pragma once

#include "sandbox/sandbox.hpp"
#include "unit/sandbox/sample_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace gracedb::sandbox {

using nlohmann::json;

inline json json_of(const httplib::Result& result) { return json::parse(result.value().body); }

inline httplib::MultipartFormDataItems event_form(
    const std::string& contents, const std::vector<std::pair<std::string, std::string>>& fields = {}) {
  httplib::MultipartFormDataItems items = {{"eventFile", contents, "coinc.xml", "text/xml"}};
  for (const auto& [name, value] : fields)
    items.push_back({name, value, "", ""});
  return items;
}

/// A sandbox and a client that has its token.
class SandboxTest : public testing::Test {
 protected:
  explicit SandboxTest(SandboxOptions options = {})
      : sandbox_(std::move(options)), client_("127.0.0.1", port()) {
    std::ifstream file(sandbox_.token_file());
    std::string token;
    std::getline(file, token);
    client_.set_bearer_token_auth(token);
    client_.set_default_headers({{"User-Agent", "gracedb-sandbox-test"}});
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
    client_.set_read_timeout(10, 0);
  }

  int port() const {
    const std::string& url = sandbox_.service_url();
    return std::stoi(url.substr(url.rfind(':') + 1));
  }

  std::string reserve(const httplib::Params& fields = {{"group", "CBC"}, {"pipeline", "gstlal"}}) {
    return json_of(client_.Post("/api/events/reserve/", fields))["graceid"];
  }
  httplib::Result upload(const std::string& graceid, const std::string& contents) {
    return client_.Post("/api/events/" + graceid + "/upload/", event_form(contents));
  }
  std::string create(const std::string& contents = samples::coinc) {
    return json_of(client_.Post("/api/events/",
                                event_form(contents, {{"group", "CBC"}, {"pipeline", "gstlal"}})))["graceid"];
  }
  void set_faults(const std::vector<std::string>& specs) {
    const auto result = client_.Post("/sandbox/faults", json(specs).dump(), "application/json");
    ASSERT_EQ(result.value().status, 200) << result->body;
  }
  json own_events() { return json_of(client_.Get("/sandbox/events"))["events"]; }
  json own_alerts() { return json_of(client_.Get("/sandbox/alerts"))["alerts"]; }

  Sandbox sandbox_;
  httplib::Client client_;
};

}  // namespace gracedb::sandbox
