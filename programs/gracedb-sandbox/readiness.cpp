#include "gracedb-sandbox/readiness.hpp"

#include <nlohmann/json.hpp>

namespace gracedb::sandbox::commands {

std::string readiness_json(const Sandbox& sandbox) {
  const auto bootstrap_servers = sandbox.bootstrap_servers();
  const nlohmann::json document = {
      {"service_url", sandbox.service_url()},
      {"instance_name", sandbox.instance_name()},
      {"bootstrap_servers", bootstrap_servers ? nlohmann::json(*bootstrap_servers) : nlohmann::json(nullptr)},
      {"token_file", sandbox.token_file().string()},
      {"jwks", sandbox.jwks().string()},
      {"state_dir", sandbox.state_dir().string()},
      {"issuer", sandbox.issuer()}};
  return document.dump() + "\n";
}

std::string readiness_text(const Sandbox& sandbox, bool lets_everybody_in, bool is_broker_embedded) {
  std::string text = "GraceDB sandbox is ready; Ctrl-C ends it.\n";
  text += lets_everybody_in ? "Everybody is let in as 'sandbox'.\n" : "";
  text += "export GRACEDB_SERVICE_URL=" + sandbox.service_url() + "\n";
  if (const auto bootstrap_servers = sandbox.bootstrap_servers()) {
    text += "export GRACEDB_KAFKA_BOOTSTRAP_SERVERS=" + *bootstrap_servers + "\n";
  }
  if (is_broker_embedded) text += "export GRACEDB_KAFKA_PLAINTEXT=true\n";
  text += "export BEARER_TOKEN_FILE=" + sandbox.token_file().string() + "\n";
  return text;
}

}  // namespace gracedb::sandbox::commands
