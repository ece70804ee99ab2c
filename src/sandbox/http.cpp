#include "sandbox/http.hpp"

#include "sandbox/json_tools.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace gracedb::sandbox {
namespace {

std::optional<std::string> first_value(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  if (found == fields.end() || found->second.empty()) return {};
  return found->second;
}

}  // namespace

std::optional<std::string> Request::field(std::string_view name) const { return first_value(form, name); }

std::optional<std::string> Request::query_field(std::string_view name) const {
  return first_value(query, name);
}

std::vector<std::string> Request::fields(std::string_view name) const {
  std::vector<std::string> values;
  const auto [begin, end] = form.equal_range(name);
  for (auto field = begin; field != end; ++field) {
    if (!field->second.empty()) values.push_back(field->second);
  }
  return values;
}

Answer& Answer::with_header(std::string name, std::string value) & {
  headers.emplace_back(std::move(name), std::move(value));
  return *this;
}

Answer Answer::with_header(std::string name, std::string value) && {
  headers.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

Answer json_answer(int status, const nlohmann::json& document) {
  return json_text_answer(status, dump_json(document));
}

Answer json_text_answer(int status, std::string json) {
  // The charset keeps the HTTP library from compressing every small answer, which would cost more than the
  // work.
  return {status, std::move(json), "application/json; charset=utf-8", {}};
}

Answer text_answer(int status, std::string text) {
  return {status, std::move(text), "text/plain; charset=utf-8", {}};
}

Answer file_answer(std::string contents) {
  return {200, std::move(contents), "application/octet-stream", {}};
}

Answer empty_answer(int status) { return {status, {}, {}, {}}; }

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text, std::string_view kept) {
  constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos || kept.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += digits[byte >> 4U];
    encoded += digits[byte & 15U];
  }
  return encoded;
}

Fields parse_form(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    fields.emplace(percent_decode(pair.substr(0, equals), true), percent_decode(value, true));
  }
  return fields;
}

std::vector<std::string> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
    if (!segment.empty()) segments.push_back(percent_decode(segment, false));
  }
  return segments;
}

}  // namespace gracedb::sandbox
