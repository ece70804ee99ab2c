#include "gracedb/kafka/message.hpp"

#include "core/json.hpp"
#include "core/text.hpp"

#include <nlohmann/json.hpp>

#include <cstring>
#include <stdexcept>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

std::string serialize(const json& value) {
  try {
    return value.dump();
  } catch (const json::type_error& fault) {
    throw std::invalid_argument(std::string("a message value holds text that is not UTF-8: ") + fault.what());
  }
}

}  // namespace

Payload::Payload(const json& value) : bytes_(serialize(value)) {}

Payload::Payload(std::span<const std::byte> bytes)
    : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}

json Message::json() const {
  try {
    return parse_json(value);
  } catch (const std::invalid_argument& fault) {
    throw std::invalid_argument(topic + "[" + std::to_string(partition) + "] offset " +
                                std::to_string(offset) + " is not JSON: " + fault.what());
  }
}

std::variant<json, std::string, std::vector<std::byte>> Message::decoded() const {
  try {
    return parse_json(value);
  } catch (const std::invalid_argument&) {  // not JSON: text or bytes
  }
  if (is_utf8(value)) return value;
  std::vector<std::byte> bytes(value.size());
  std::memcpy(bytes.data(), value.data(), value.size());
  return bytes;
}

}  // namespace gracedb::kafka
