#include "gracedb/kafka/upload_message.hpp"

#include "core/json.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& fault) { throw std::invalid_argument("ping message: " + fault); }

std::optional<std::string> optional_text(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) refuse("'" + std::string(name) + "' is not text");
  return found->get<std::string>();
}

}  // namespace

std::string build_ping_message(const PingMessage& message) {
  json object{{"type", "ping"}, {"timestamp", message.timestamp}, {"client", message.client}};
  object["sub"] = message.sub ? json(*message.sub) : json(nullptr);
  object["scope"] = message.scope ? json(*message.scope) : json(nullptr);
  return dump_json(object);
}

PingMessage parse_ping_message(std::string_view value) {
  json object;
  try {
    object = parse_json(value);
  } catch (const std::invalid_argument& fault) {
    refuse(std::string("not JSON: ") + fault.what());
  }
  if (!object.is_object()) refuse("not a JSON object");
  const auto type = object.find("type");
  if (type == object.end() || *type != "ping") refuse("'type' is not 'ping'");
  const auto timestamp = object.find("timestamp");
  if (timestamp == object.end() || !timestamp->is_number()) refuse("'timestamp' is missing or not a number");
  auto client = optional_text(object, "client");
  if (!client) refuse("'client' is missing");
  return {timestamp->get<double>(), std::move(*client), optional_text(object, "sub"),
          optional_text(object, "scope")};
}

}  // namespace gracedb::kafka
