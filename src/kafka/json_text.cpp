#include "kafka/json_text.hpp"

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

/// True if one of eight characters is a control character, a quote, a backslash or not ASCII.
bool needs_care(std::uint64_t eight) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highest_bits = ones * 0x80;
  const auto has_zero = [](std::uint64_t bytes) { return (bytes - ones) & ~bytes; };
  const std::uint64_t below_space = (eight - ones * 0x20) & ~eight;
  return ((below_space | has_zero(eight ^ (ones * '"')) | has_zero(eight ^ (ones * '\\')) | eight) &
          highest_bits) != 0;
}

bool is_plain(std::string_view text) {
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), sizeof eight);
    if (needs_care(eight)) return false;
  }
  std::array<char, 8> rest{};
  rest.fill(' ');
  std::copy(text.begin(), text.end(), rest.begin());
  std::uint64_t eight = 0;
  std::memcpy(&eight, rest.data(), sizeof eight);
  return !needs_care(eight);
}

void append_string(std::string& text, const std::string& value) {
  if (!is_plain(value)) {
    text += json(value).dump();
    return;
  }
  text += '"';
  text += value;
  text += '"';
}

void append_double(std::string& text, double value) {
  if (!std::isfinite(value)) {
    text += "null";
    return;
  }
  std::array<char, 64> digits{};
  text.append(digits.data(), nlohmann::detail::to_chars(digits.data(), digits.data() + digits.size(), value));
}

template <typename Integer>
void append_integer(std::string& text, Integer value) {
  std::array<char, 24> digits{};
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append(std::string& text, const json& value);

void append_object(std::string& text, const json::object_t& object) {
  char before = '{';
  for (const auto& [name, member] : object) {
    text += before;
    append_string(text, name);
    text += ':';
    append(text, member);
    before = ',';
  }
  text += object.empty() ? "{}" : "}";
}

void append_array(std::string& text, const json::array_t& array) {
  char before = '[';
  for (const json& element : array) {
    text += before;
    append(text, element);
    before = ',';
  }
  text += array.empty() ? "[]" : "]";
}

void append(std::string& text, const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      return append_object(text, value.get_ref<const json::object_t&>());
    case json::value_t::array:
      return append_array(text, value.get_ref<const json::array_t&>());
    case json::value_t::string:
      return append_string(text, value.get_ref<const std::string&>());
    case json::value_t::number_integer:
      return append_integer(text, value.get<std::int64_t>());
    case json::value_t::number_unsigned:
      return append_integer(text, value.get<std::uint64_t>());
    case json::value_t::number_float:
      return append_double(text, value.get<double>());
    case json::value_t::boolean:
      text += value.get<bool>() ? "true" : "false";
      return;
    default:
      text += value.dump();
  }
}

/// About as many characters as the text will have; exact, or a few more, where nothing needs an escape.
std::size_t expected_size(const json& value) {
  constexpr std::size_t of_a_number = 24;
  constexpr std::size_t quotes = 2;
  constexpr std::size_t signs = 2;
  std::size_t size = signs;
  switch (value.type()) {
    case json::value_t::object:
      for (const auto& [name, member] : value.get_ref<const json::object_t&>())
        size += name.size() + quotes + signs + expected_size(member);
      return size;
    case json::value_t::array:
      for (const json& element : value.get_ref<const json::array_t&>())
        size += 1 + expected_size(element);
      return size;
    case json::value_t::string:
      return quotes + value.get_ref<const std::string&>().size();
    default:
      return of_a_number;
  }
}

json to_json(simdjson::dom::element element);

json object_of(simdjson::dom::object members) {
  json::object_t object;
  for (const auto [name, value] : members)
    object[std::string(name)] = to_json(value);  // of two members with one name the last counts
  return object;
}

json array_of(simdjson::dom::array elements) {
  json::array_t array;
  array.reserve(elements.size());
  for (const simdjson::dom::element element : elements)
    array.push_back(to_json(element));
  return array;
}

json to_json(simdjson::dom::element element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::OBJECT:
      return object_of(element.get_object());
    case element_type::ARRAY:
      return array_of(element.get_array());
    case element_type::STRING:
      return std::string(element.get_string().value());
    case element_type::INT64: {
      const std::int64_t number = element.get_int64();
      return number < 0 ? json(number) : json(static_cast<std::uint64_t>(number));
    }
    case element_type::UINT64:
      return element.get_uint64().value();
    case element_type::DOUBLE:
      return element.get_double().value();
    case element_type::BOOL:
      return element.get_bool().value();
    case element_type::NULL_VALUE:
      break;
  }
  return nullptr;
}

}  // namespace

std::string to_text(const json& value) {
  std::string text;
  text.reserve(expected_size(value));
  append(text, value);
  return text;
}

void append_text(std::string& text, const json& value) {
  const std::size_t size = text.size();
  try {
    append(text, value);
  } catch (const json::type_error&) {
    text.resize(size);
    text += value.dump(-1, ' ', false, json::error_handler_t::replace);
  }
}

json from_text(std::string_view text) {
  // A text that deserves another look, say for a number beyond 64 bits, or for what exactly is wrong with it,
  // is rare.
  constexpr std::size_t worth_keeping = std::size_t{1} << 20U;
  if (text.size() > worth_keeping) return json::parse(text);
  thread_local simdjson::dom::parser parser(worth_keeping);
  simdjson::dom::element document;
  if (parser.parse(text.data(), text.size()).get(document) != simdjson::SUCCESS) return json::parse(text);
  return to_json(document);
}

}  // namespace gracedb::kafka
